// The sums over rows of log_softmax.wgsl (formulas and layouts there) for GPUs; x: [rows, cols]; row_out: [rows]
// one workgroup of WG lanes per row: lanes side by side read side by side, and reduce in workgroup memory
// cost: 1 read of the data, about 6 FLOP an element; bound by memory; not measured on a GPU
//@include grid
//@include row_reduce
//@include row_softmax
override WG: u32 = 256;
struct Params { rows: u32, cols: u32, lanes: u32 }
const LOWEST = -3.4028234e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> row_out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn log_sum_exp(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let sum = row_exponentials(row * params.cols, params.cols, lane);
  if (lane == 0u) { row_out[row] = sum.x + log(sum.y); }
}

@compute @workgroup_size(WG)
fn row_sums(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  var sum = 0.0;
  for (var c = lane; c < params.cols; c += WG) { sum += x[row * params.cols + c]; }
  let total = sum_over_lanes(vec4f(sum), lane).x;
  if (lane == 0u) { row_out[row] = total; }
}
