// log-softmax over the last axis: y_i = x_i - log sum_j exp(x_j)
// backward: dx_i = dy_i - exp(y_i) * sum_j dy_j
// x, y, dy, dx: [rows, cols]; row_sums is a lane per row, the rest a lane per element
// four elements an iteration: a lane may run 65,535 iterations in all; so rows hold at most 65,536 elements
// cost: 3 reads and 1 write of the data forward, 3 reads and 1 write backward; bound by memory
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> row_out: array<f32>;
@group(0) @binding(1) var<storage, read> row_in: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(0) var<storage, read> y_in: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn log_sum_exp(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  let end = base + params.cols;
  var m = LOWEST;
  for (var i = base; i < whole; i += 4u) { m = max(max(max(m, x[i]), max(x[i + 1u], x[i + 2u])), x[i + 3u]); }
  for (var i = whole; i < end; i++) { m = max(m, x[i]); }
  var s = vec4f(0.0);
  for (var i = base; i < whole; i += 4u) { s += exp(vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]) - m); }
  for (var i = whole; i < end; i++) { s.x += exp(x[i] - m); }
  row_out[row] = m + log((s.x + s.y) + (s.z + s.w));
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.rows * params.cols) { y[i] = x[i] - row_in[i / params.cols]; }
}

// Sum of dy (bound as x) over each row.
@compute @workgroup_size(WG)
fn row_sums(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  var s = vec4f(0.0);
  for (var i = base; i < whole; i += 4u) { s += vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]); }
  for (var i = whole; i < base + params.cols; i++) { s.x += x[i]; }
  row_out[row] = (s.x + s.y) + (s.z + s.w);
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.rows * params.cols) { dx[i] = dy[i] - exp(y_in[i]) * row_in[i / params.cols]; }
}
