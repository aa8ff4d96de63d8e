// The floors of top-k and top-p of sample_categorical.wgsl (meaning there) for GPUs
// x: [rows, cols]; floors: [rows]; one workgroup of WG lanes per row
// A floor is selected two bits a pass, from the highest: lanes sum the mass of the four values that the next two bits
// may have, and reduce in workgroup memory; no atomics, so that a seed repeats a draw.
// cost: 16 reads of x, all but the first from the cache; bound by latency; not measured on a GPU
//@include grid
//@include row_reduce
override WG: u32 = 256;
struct Params {
  rows: u32, cols: u32, segments: u32, scale: f32, noise: f32, top_k: u32, top_p: f32,
  seed: u32, stream: u32, step: u32, purpose: u32,
}
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> floors: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

// Bits in the order of the floats: negative numbers reversed, below the positive ones.
fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// The largest floor at or above `lowest` such that the elements at or above the floor have at least the wanted mass: a
// number (top-k) or a share of the mass above `lowest` (top-p). Elements equal to the floor are all kept.
fn select_floor(row: u32, lane: u32, peak: f32, by_count: bool, lowest: u32, wanted: f32) -> u32 {
  var prefix = 0u;
  var mask = 0u;
  var missing = wanted;
  for (var shift = 30i; shift >= 0i; shift -= 2i) {
    var masses = vec4f();
    for (var c = lane; c < params.cols; c += WG) {
      let value = x[row * params.cols + c];
      let bits = ordered(value);
      if (bits < lowest || (bits & mask) != prefix) { continue; }
      let bucket = vec4u((bits >> u32(shift)) & 3u) == vec4u(0u, 1u, 2u, 3u);
      masses += select(vec4f(), vec4f(select(exp((value - peak) * params.scale), 1.0, by_count)), bucket);
    }
    let here = sum_over_lanes(masses, lane);
    if (mask == 0u && !by_count) { missing = wanted * (here.x + here.y + here.z + here.w); }
    // From the top: the bucket in which the wanted mass is reached, or the lowest filled one where rounding misses it.
    var chosen = 0u;
    var above = 0.0;
    var reached = false;
    //@unroll b 0 4
    if (!reached && here[$(3 - b)u] != 0.0) {
      chosen = $(3 - b)u;
      reached = above + here[$(3 - b)u] >= missing;
      above += select(here[$(3 - b)u], 0.0, reached);
    }
    //@end
    missing -= above;
    prefix |= chosen << u32(shift);
    mask |= 3u << u32(shift);
  }
  return prefix;
}

@compute @workgroup_size(WG)
fn top_k_floor(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let lowest = select_floor(row, lane, 0.0, true, 0u, f32(params.top_k));
  if (lane == 0u) { floors[row] = lowest; }
}

@compute @workgroup_size(WG)
fn top_p_floor(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  var peak = LOWEST;
  for (var c = lane; c < params.cols; c += WG) { peak = max(peak, x[row * params.cols + c]); }
  let lowest = select_floor(row, lane, max_over_lanes(peak, lane), false, floors[row], params.top_p);
  if (lane == 0u) { floors[row] = lowest; }
}
