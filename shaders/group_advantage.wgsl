// group-relative advantages: groups of `size` rewards in a row; a reward that is not finite is excluded
// mean: r - m; mean_std: (r - m) / (s + 1e-4); rloo: (r - m) n / (n - 1), the mean of the others as baseline;
// batch: (r - m) / (S + 1e-4); m mean, s unbiased deviation, n count of the group, S unbiased deviation of all rewards
// an excluded reward and a group of equal rewards give exactly 0; |A| <= limit
// rewards, advantage: [groups * size]; moments: [groups] of (count, mean, sum of squared deviations, 1 where all are equal)
// statistics: (share of groups without spread, excluded rewards, mean, unbiased deviation)
// group_moments: a lane per group; batch_moments: one lane, joining the groups by Chan's formula; forward: a lane per reward
// cost: 3 reads and 1 write a reward; far below a dispatch's own cost
//@include grid
override WG: u32 = 32;
override FORM: u32 = 0; // 0 mean, 1 mean_std, 2 rloo, 3 batch
struct Params { groups: u32, size: u32, limit: f32 }
const TINY = 1e-4;

@group(0) @binding(0) var<storage, read> rewards: array<f32>;
@group(0) @binding(1) var<storage, read_write> moments: array<vec4f>;
@group(0) @binding(0) var<storage, read> moments_in: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(1) var<storage, read> group_in: array<vec4f>;
@group(0) @binding(2) var<storage, read> statistics_in: array<f32>;
@group(0) @binding(3) var<storage, read_write> advantage: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }

@compute @workgroup_size(WG)
fn group_moments(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = flat_index(group, groups, lane, WG);
  if (g >= params.groups) { return; }
  var count = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  var first = 0.0;
  var equal = 1.0;
  for (var i = g * params.size; i < (g + 1u) * params.size; i++) {
    let r = rewards[i];
    if (!is_finite(r)) { continue; }
    if (count == 0.0) { first = r; }
    if (r != first) { equal = 0.0; }
    count += 1.0;
    let before = r - mean;
    mean += before / count;
    squares += before * (r - mean);
  }
  moments[g] = vec4f(count, mean, squares, equal);
}

@compute @workgroup_size(WG)
fn batch_moments(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (flat_index(group, groups, lane, WG) != 0u) { return; }
  var count = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  var flat = 0.0;
  for (var g = 0u; g < params.groups; g++) {
    let part = moments_in[g];
    flat += part.w;
    if (part.x == 0.0) { continue; }
    let joined = count + part.x;
    let difference = part.y - mean;
    mean += difference * (part.x / joined);
    squares += part.z + difference * difference * (count * part.x / joined);
    count = joined;
  }
  statistics[0] = flat / f32(params.groups);
  statistics[1] = f32(params.groups * params.size) - count;
  statistics[2] = mean;
  statistics[3] = sqrt(squares / max(count - 1.0, 1.0));
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.groups * params.size) { return; }
  let part = group_in[i / params.size];
  let r = rewards[i];
  var a = r - part.y;
  if (FORM == 1u) { a /= sqrt(part.z / max(part.x - 1.0, 1.0)) + TINY; }
  if (FORM == 2u) { a *= part.x / max(part.x - 1.0, 1.0); }
  if (FORM == 3u) { a /= statistics_in[3] + TINY; }
  advantage[i] = select(0.0, clamp(a, -params.limit, params.limit), is_finite(r) && part.w == 0.0);
}
