// sum_i = sum_p partial[p, i]: the second level of a long sum, in a fixed order, so that a seed repeats bit for bit
// partial: [parts, n], sum: [n]; one lane per element; parts <= 32,768, more take the levels of reduce.wgsl
// cost: one read of the partial sums; bound by memory
//@include grid
override WG: u32 = 32;
struct Params { n: u32, parts: u32 }

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> sum: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  var total = 0.0;
  for (var p = 0u; p < params.parts; p++) { total += partial[p * params.n + i]; }
  sum[i] = total;
}
