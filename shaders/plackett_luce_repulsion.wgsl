// log-probabilities of an ordered draw without replacement in which the cells picked before push the others away:
// log p_i = u_i(o_i) - log sum_{j in A_i} exp u_i(j), u_i(j) = s_j - lambda f_i(j), f_i(j) = sum_{l < i} closeness(o_l, j),
// A_i the valid cells that are not among the picks before i
// backward, with p_i = softmax u_i over A_i and w_i(j) = g_i ([j = o_i] - p_i(j)): ds_j = sum_i w_i(j),
// dlambda = -sum_i sum_j w_i(j) f_i(j)
// turn and kind come from plackett_luce.wgsl: its header tells what padding, forced and impossible picks give
// scores, turn, dscores, dstrengths (their sum over j is dlambda): [R, N]; picks, kind, log_p, dlog_p: [R, K];
// strength (lambda): [R]; closeness: [N, N]; pushed (u_i(j), the lowest float outside A_i): [R, K, N];
// sums (peak, sum of exp(u - peak)): [R, K]
// u is rounded at the size of s: scores of some thousands leave 1e-3 of a push of 1
//   1. push, 3. backward_x: a lane per cell walks the picks and keeps f
//   2. forward: a lane per pick goes twice through the cells
// cost: about 20 FLOP and 8 accesses a cell and pick
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32, count: u32, outside: f32 }
const LOWEST = -3.402823e38;
const FORCED = 1;
const FREE = 2;
const IMPOSSIBLE = 3;

@group(0) @binding(0) var<storage, read> picks: array<i32>;
@group(0) @binding(1) var<storage, read> kind: array<i32>;
@group(0) @binding(2) var<storage, read> closeness: array<f32>;
@group(0) @binding(3) var<storage, read> strength: array<f32>;
@group(0) @binding(4) var<storage, read> scores: array<f32>;
@group(0) @binding(5) var<storage, read> turn: array<i32>;
@group(0) @binding(6) var<storage, read_write> pushed: array<f32>;

@group(0) @binding(2) var<storage, read> pushed_forward: array<f32>;
@group(0) @binding(3) var<storage, read_write> log_p: array<f32>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec2f>;

@group(0) @binding(3) var<storage, read> pushed_back: array<f32>;
@group(0) @binding(4) var<storage, read> sums_in: array<vec2f>;
@group(0) @binding(5) var<storage, read> dlog_p: array<f32>;
@group(0) @binding(6) var<storage, read_write> dscores: array<f32>;
@group(0) @binding(7) var<storage, read_write> dstrengths: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn push(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.rows * params.cols) { return; }
  let row = at / params.cols;
  let cell = at % params.cols;
  let score = scores[at];
  let push_away = strength[row];
  let last = turn[at];
  var crowd = 0.0;
  for (var i = 0u; i < params.count; i++) {
    let pick = row * params.count + i;
    pushed[pick * params.cols + cell] = select(LOWEST, score - push_away * crowd, last >= i32(i));
    if (kind[pick] == FREE || kind[pick] == FORCED) { crowd += closeness[u32(picks[pick]) * params.cols + cell]; }
  }
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let pick = flat_index(group, groups, lane, WG);
  if (pick >= params.rows * params.count) { return; }
  let what = kind[pick];
  if (what != FREE) {
    log_p[pick] = select(0.0, params.outside, what == IMPOSSIBLE);
    return;
  }
  let base = pick * params.cols;
  var peak = LOWEST;
  for (var j = base; j < base + params.cols; j++) { peak = max(peak, pushed_forward[j]); }
  var sum = 0.0;
  for (var j = base; j < base + params.cols; j++) { sum += exp(pushed_forward[j] - peak); }
  log_p[pick] = pushed_forward[base + u32(picks[pick])] - peak - log(sum);
  sums[pick] = vec2f(peak, sum);
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.rows * params.cols) { return; }
  let row = at / params.cols;
  let cell = at % params.cols;
  var crowd = 0.0;
  var dscore = 0.0;
  var dstrength = 0.0;
  for (var i = 0u; i < params.count; i++) {
    let pick = row * params.count + i;
    let what = kind[pick];
    if (what != FREE && what != FORCED) { continue; }
    let chosen = u32(picks[pick]);
    let score = pushed_back[pick * params.cols + cell];
    if (what == FREE && score != LOWEST) {
      let running = sums_in[pick];
      let w = dlog_p[pick] * (select(0.0, 1.0, chosen == cell) - exp(score - running.x) / running.y);
      dscore += w;
      dstrength -= w * crowd;
    }
    crowd += closeness[chosen * params.cols + cell];
  }
  dscores[at] = dscore;
  dstrengths[at] = dstrength;
}
