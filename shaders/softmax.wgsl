// softmax over the last axis: y_i = exp(x_i - m) / sum_j exp(x_j - m), m = max_j x_j
// backward: dx_i = y_i * (dy_i - sum_j dy_j * y_j)
// x, y, dy, dx: [rows, cols]; one lane per row, the reference; software adapters run softmax_subgroup.wgsl for all but
// small sizes and rows that are no multiple of 4, or longer than 1024; GPUs softmax_block.wgsl
// cost: 3 reads and 1 write of the data forward, about 5 FLOP an element; bound by memory
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32 }
const LOWEST = -3.4028234e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(0) var<storage, read> y_in: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var m = LOWEST;
  for (var c = 0u; c < params.cols; c++) { m = max(m, x[base + c]); }
  var s = 0.0;
  for (var c = 0u; c < params.cols; c++) { s += exp(x[base + c] - m); }
  for (var c = 0u; c < params.cols; c++) { y[base + c] = exp(x[base + c] - m) / s; }
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var dot = 0.0;
  for (var c = 0u; c < params.cols; c++) { dot += dy[base + c] * y_in[base + c]; }
  for (var c = 0u; c < params.cols; c++) { dx[base + c] = y_in[base + c] * (dy[base + c] - dot); }
}
