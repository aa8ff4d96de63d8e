// an ordered draw of k of N without replacement in which every pick pushes the cells near it away, pick by pick:
// o_i = argmax_j of u_i(j) + g_i(j) over the valid j not picked yet, u_i(j) = (s_j - lambda sum_{l < i} closeness(o_l, j)) / temperature
// The noise must be fresh at every pick. Gumbel top-k keeps one noise for all: what the first arg max leaves is again
// Gumbel noise under it, but under the scores it was drawn with, not under those that the pick has changed.
// temperature 0: no noise, u not divided. The lower id comes first in a tie. -1 where fewer than k are valid.
// g_i(j) from word j % 4 of philox((key_row, 2^14 i + j / 4, step, purpose), (seed, stream))
// scores, valid, pushed: [rows, cols]; row_keys, strength: [rows]; closeness: [cols, cols]; picks: [rows, k];
// best (value, id as a float): [rows, blocks, 2], blocks = ceil(cols / 4)
//   1. start: a lane per cell; an invalid one gets LOWEST, below every valid one
//   for each pick: 2. perturb: a lane per four cells; 3. choose: a lane per row
// cost: a pick takes 4 accesses and about 100 FLOP a cell
//@include grid
//@include philox
override WG: u32 = 64;
struct Params {
  rows: u32, cols: u32, blocks: u32, k: u32, pick: u32, scale: f32, noise: f32, seed: u32, stream: u32, step: u32, purpose: u32,
}
const LOWEST = -3.402823e38;
const LOWEST_VALID = -3.0e38;

@group(0) @binding(0) var<storage, read> scores: array<f32>;
@group(0) @binding(1) var<storage, read> valid: array<i32>;
@group(0) @binding(2) var<storage, read_write> pushed: array<f32>;

@group(0) @binding(0) var<storage, read> row_keys: array<i32>;
@group(0) @binding(1) var<storage, read> strength: array<f32>;
@group(0) @binding(2) var<storage, read> closeness: array<f32>;
@group(0) @binding(3) var<storage, read> picks: array<i32>;
@group(0) @binding(4) var<storage, read_write> pushed_on: array<f32>;
@group(0) @binding(5) var<storage, read_write> best: array<vec2f>;

@group(0) @binding(0) var<storage, read> best_in: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> picks_out: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn start(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.rows * params.cols) { return; }
  pushed[at] = select(LOWEST, max(scores[at] * params.scale, LOWEST_VALID), valid[at] != 0);
}

@compute @workgroup_size(WG)
fn perturb(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.blocks) { return; }
  let row = i / params.blocks;
  let block = i % params.blocks;
  var last = -1;
  if (params.pick > 0u) { last = picks[row * params.k + params.pick - 1u]; }
  let push_away = strength[row] * params.scale;
  var noise = vec4f(0.0);
  if (params.noise != 0.0) {
    let word = (params.pick << 14u) + block;
    let w = philox(vec4u(u32(row_keys[row]), word, params.step, params.purpose), vec2u(params.seed, params.stream));
    noise = vec4f(gumbel(w.x), gumbel(w.y), gumbel(w.z), gumbel(w.w));
  }
  var found = vec2f(LOWEST, -1.0);
  //@unroll i 0 4
  if (block * 4u + $(i)u < params.cols) {
    let cell = block * 4u + $(i)u;
    let at = row * params.cols + cell;
    var u = pushed_on[at];
    if (last >= 0 && u >= LOWEST_VALID) {
      u = max(u - push_away * closeness[u32(last) * params.cols + cell], LOWEST_VALID);
      if (u32(last) == cell) { u = LOWEST; }
      pushed_on[at] = u;
    }
    let value = max(u + noise[$i], LOWEST_VALID);
    if (u >= LOWEST_VALID && value > found.x) { found = vec2f(value, f32(cell)); }
  }
  //@end
  best[i] = found;
}

@compute @workgroup_size(WG)
fn choose(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  var found = vec2f(LOWEST, -1.0);
  for (var i = row * params.blocks; i < (row + 1u) * params.blocks; i++) {
    let other = best_in[i];
    if (other.x > found.x) { found = other; }
  }
  picks_out[row * params.k + params.pick] = i32(found.y);
}
