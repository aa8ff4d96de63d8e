// a class id drawn from softmax(x / temperature), cut to its top-k and top-p (nucleus), by the Gumbel-max trick:
// id = argmax_v x_v / temperature + g_v over the kept v, g_v from word v % 4 of philox((key_row, v / 4, step, purpose),
// (seed, stream)); temperature 0 takes the argmax of x. The lowest id wins a tie; NaN is never drawn.
// x: [rows, cols]; row_keys, ids: [rows]; floors: [rows], the smallest kept logit as an ordered u32 (see `ordered`);
// histogram: [rows, 256]; best, best_id: [rows, segments]
//   1. top_k_floor, top_p_floor: a lane per row selects the floor by radix, 8 bits a pass: no sort
//   2. draw: a lane per segment of a row
//   3. pick: a lane per row takes the best segment
// A lane may run 65,535 iterations in all: passes take four elements an iteration, rows hold at most 32,768 elements.
// cost: draw reads x once and computes about 40 integer and 10 float operations an element; each floor 4 or 5 reads of x
//@include grid
//@include philox
override WG: u32 = 32;
override SEGMENT: u32 = 256;
struct Params {
  rows: u32, cols: u32, segments: u32, scale: f32, noise: f32, top_k: u32, top_p: f32,
  seed: u32, stream: u32, step: u32, purpose: u32,
}
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> floors: array<u32>;
@group(0) @binding(2) var<storage, read_write> histogram: array<f32>;

@group(0) @binding(1) var<storage, read> floors_in: array<u32>;
@group(0) @binding(2) var<storage, read> row_keys: array<i32>;
@group(0) @binding(3) var<storage, read_write> best: array<f32>;
@group(0) @binding(4) var<storage, read_write> best_id: array<i32>;

@group(0) @binding(0) var<storage, read> best_in: array<f32>;
@group(0) @binding(1) var<storage, read> best_id_in: array<i32>;
@group(0) @binding(2) var<storage, read_write> ids: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

// Bits in the order of the floats: negative numbers reversed, below the positive ones.
fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// Mass of an element in the histogram: 1 to count elements, else its unnormalised probability.
fn mass(value: f32, peak: f32, by_count: bool) -> f32 {
  return select(exp((value - peak) * params.scale), 1.0, by_count);
}

fn tally(row: u32, value: f32, peak: f32, by_count: bool, lowest: u32, prefix: u32, mask: u32, shift: u32) {
  let bits = ordered(value);
  if (bits < lowest || (bits & mask) != prefix) { return; }
  histogram[row * 256u + ((bits >> shift) & 255u)] += mass(value, peak, by_count);
}

// The largest floor at or above `lowest` such that the elements at or above the floor have at least the wanted mass: a
// number (top-k) or a share of the mass above `lowest` (top-p). Elements equal to the floor are all kept.
fn select_floor(row: u32, peak: f32, by_count: bool, lowest: u32, wanted: f32) -> u32 {
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  var prefix = 0u;
  var mask = 0u;
  var missing = wanted;
  for (var shift = 32u; shift > 0u;) {
    shift -= 8u;
    for (var b = 0u; b < 256u; b++) { histogram[row * 256u + b] = 0.0; }
    for (var i = base; i < whole; i += 4u) {
      tally(row, x[i], peak, by_count, lowest, prefix, mask, shift);
      tally(row, x[i + 1u], peak, by_count, lowest, prefix, mask, shift);
      tally(row, x[i + 2u], peak, by_count, lowest, prefix, mask, shift);
      tally(row, x[i + 3u], peak, by_count, lowest, prefix, mask, shift);
    }
    for (var i = whole; i < base + params.cols; i++) { tally(row, x[i], peak, by_count, lowest, prefix, mask, shift); }
    if (mask == 0u && !by_count) {
      var total = 0.0;
      for (var b = 0u; b < 256u; b++) { total += histogram[row * 256u + b]; }
      missing = wanted * total;
    }
    // From the top: the bucket in which the wanted mass is reached, or the lowest filled one where rounding misses it.
    var chosen = 0u;
    var above = 0.0;
    for (var b = 256u; b > 0u; b--) {
      let here = histogram[row * 256u + b - 1u];
      if (here == 0.0) { continue; }
      chosen = b - 1u;
      if (above + here >= missing) { break; }
      above += here;
    }
    missing -= above;
    prefix |= chosen << shift;
    mask |= 255u << shift;
  }
  return prefix;
}

@compute @workgroup_size(WG)
fn top_k_floor(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  floors[row] = select_floor(row, 0.0, true, 0u, f32(params.top_k));
}

@compute @workgroup_size(WG)
fn top_p_floor(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  var peak = LOWEST;
  for (var i = base; i < whole; i += 4u) { peak = max(max(max(peak, x[i]), max(x[i + 1u], x[i + 2u])), x[i + 3u]); }
  for (var i = whole; i < base + params.cols; i++) { peak = max(peak, x[i]); }
  floors[row] = select_floor(row, peak, false, floors[row], params.top_p);
}

@compute @workgroup_size(WG)
fn draw(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let segment = flat_index(group, groups, lane, WG);
  if (segment >= params.rows * params.segments) { return; }
  let row = segment / params.segments;
  let lowest = floors_in[row];
  let begin = segment % params.segments * SEGMENT;
  let end = min(begin + SEGMENT, params.cols);
  var value = LOWEST;
  var id = begin;
  for (var v = begin; v < end; v += 4u) {
    var noise = vec4f(0.0);
    if (params.noise != 0.0) {
      let w = philox(vec4u(u32(row_keys[row]), v / 4u, params.step, params.purpose), vec2u(params.seed, params.stream));
      noise = vec4f(gumbel(w.x), gumbel(w.y), gumbel(w.z), gumbel(w.w));
    }
    //@unroll i 0 4
    if (v + $(i)u < end) {
      let logit = x[row * params.cols + v + $(i)u];
      let perturbed = logit * params.scale + noise[$i];
      if (ordered(logit) >= lowest && perturbed > value) { value = perturbed; id = v + $(i)u; }
    }
    //@end
  }
  best[segment] = value;
  best_id[segment] = i32(id);
}

@compute @workgroup_size(WG)
fn pick(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  var value = LOWEST;
  var id = 0;
  for (var s = row * params.segments; s < (row + 1u) * params.segments; s++) {
    if (best_in[s] > value) { value = best_in[s]; id = best_id_in[s]; }
  }
  ids[row] = id;
}
