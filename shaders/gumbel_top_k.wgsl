// an ordered draw of k of V without replacement (Plackett-Luce) by the Gumbel top-k trick (Kool et al. 2019, section 2):
// picks = the ids of the k largest of scores_v / temperature + g_v over the valid v, largest first; temperature 0 takes
// the k largest scores. The lower id comes first in a tie. -1 where fewer than k are valid.
// g_v from word v % 4 of philox((key_row, v / 4, step, purpose), (seed, stream))
// scores, valid, perturbed: [rows, cols]; row_keys: [rows]; picks: [rows, k]
//   1. perturb: a lane per four elements; an invalid one gets LOWEST, below every valid one
//   2. rank: a lane per element counts those before it and writes itself to its place; so rows hold at most 65,535
// cost: rank reads rows cols^2 floats, mostly from cache
//@include grid
//@include philox
override WG: u32 = 64;
struct Params {
  rows: u32, cols: u32, blocks: u32, k: u32, scale: f32, noise: f32, seed: u32, stream: u32, step: u32, purpose: u32,
}
const LOWEST = -3.402823e38;
const LOWEST_VALID = -3.0e38;

@group(0) @binding(0) var<storage, read> scores: array<f32>;
@group(0) @binding(1) var<storage, read> valid: array<i32>;
@group(0) @binding(2) var<storage, read> row_keys: array<i32>;
@group(0) @binding(3) var<storage, read_write> perturbed: array<f32>;

@group(0) @binding(0) var<storage, read> perturbed_in: array<f32>;
@group(0) @binding(1) var<storage, read_write> picks: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn perturb(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.blocks) { return; }
  let row = i / params.blocks;
  let block = i % params.blocks;
  var noise = vec4f(0.0);
  if (params.noise != 0.0) {
    let w = philox(vec4u(u32(row_keys[row]), block, params.step, params.purpose), vec2u(params.seed, params.stream));
    noise = vec4f(gumbel(w.x), gumbel(w.y), gumbel(w.z), gumbel(w.w));
  }
  //@unroll i 0 4
  if (block * 4u + $(i)u < params.cols) {
    let at = row * params.cols + block * 4u + $(i)u;
    perturbed[at] = select(LOWEST, max(scores[at] * params.scale + noise[$i], LOWEST_VALID), valid[at] != 0);
  }
  //@end
}

@compute @workgroup_size(WG)
fn rank(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.cols) { return; }
  let row = i / params.cols;
  let own = perturbed_in[i];
  var before = 0u;
  for (var j = row * params.cols; j < i; j++) { before += select(0u, 1u, perturbed_in[j] >= own); }
  for (var j = i + 1u; j < (row + 1u) * params.cols; j++) { before += select(0u, 1u, perturbed_in[j] > own); }
  if (before < params.k) { picks[row * params.k + before] = select(-1, i32(i % params.cols), own >= LOWEST_VALID); }
}
