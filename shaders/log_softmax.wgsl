// log-softmax over the last axis: y_i = x_i - log sum_j exp(x_j)
// backward: dx_i = dy_i - exp(y_i) * sum_j dy_j
// x, y, dy, dx: [rows, cols]; row_in, row_out: [rows]
// log_sum_exp (one pass: the sum is rescaled where the maximum grows) and row_sums take a lane per row, the others
// `lanes` lanes a row, each taking every lanes-th element; the entry points on vec4 do the same for cols divisible by
// 4: software adapters load a vec4 faster than two elements
// a lane may run 65,535 iterations in all and takes four elements in each; rows hold at most 65,536 elements
// cost: 2 reads and 1 write of the data forward, 3 reads and 1 write backward; bound by memory: forward 36 % of the
// fastest copy's GB/s (bench/peak.ts) for 1024 x 1024 on llvmpipe
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32, lanes: u32 }
const LOWEST = -3.4028234e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> row_out: array<f32>;
@group(0) @binding(1) var<storage, read> row_in: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(0) var<storage, read> y_in: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(0) var<storage, read> x4: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y4: array<vec4f>;
@group(0) @binding(0) var<storage, read> y_in4: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy4: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx4: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn log_sum_exp(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  var m = LOWEST;
  var s = vec4f(0.0);
  for (var i = base; i < whole; i += 4u) {
    let v = vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
    let peak = max(m, max(max(v.x, v.y), max(v.z, v.w)));
    s = s * exp(m - peak) + exp(v - peak);
    m = peak;
  }
  for (var i = whole; i < base + params.cols; i++) {
    let peak = max(m, x[i]);
    s *= exp(m - peak);
    s.x += exp(x[i] - peak);
    m = peak;
  }
  row_out[row] = m + log((s.x + s.y) + (s.z + s.w));
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.lanes) { return; }
  let row = i / params.lanes;
  let log_sum = row_in[row];
  let end = (row + 1u) * params.cols;
  for (var j = row * params.cols + i % params.lanes; j < end; j += params.lanes) { y[j] = x[j] - log_sum; }
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
  if (i >= params.rows * params.lanes) { return; }
  let row = i / params.lanes;
  let sum = row_in[row];
  let end = (row + 1u) * params.cols;
  for (var j = row * params.cols + i % params.lanes; j < end; j += params.lanes) { dx[j] = dy[j] - exp(y_in[j]) * sum; }
}

@compute @workgroup_size(WG)
fn log_sum_exp4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let end = (row + 1u) * (params.cols / 4u);
  var m = LOWEST;
  var s = vec4f(0.0);
  for (var i = row * (params.cols / 4u); i < end; i++) {
    let v = x4[i];
    let peak = max(m, max(max(v.x, v.y), max(v.z, v.w)));
    s = s * exp(m - peak) + exp(v - peak);
    m = peak;
  }
  row_out[row] = m + log((s.x + s.y) + (s.z + s.w));
}

@compute @workgroup_size(WG)
fn forward4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.lanes) { return; }
  let row = i / params.lanes;
  let log_sum = row_in[row];
  let cols = params.cols / 4u;
  for (var j = row * cols + i % params.lanes; j < (row + 1u) * cols; j += params.lanes) { y4[j] = x4[j] - log_sum; }
}

@compute @workgroup_size(WG)
fn row_sums4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let end = (row + 1u) * (params.cols / 4u);
  var s = vec4f(0.0);
  for (var i = row * (params.cols / 4u); i < end; i++) { s += x4[i]; }
  row_out[row] = (s.x + s.y) + (s.z + s.w);
}

@compute @workgroup_size(WG)
fn backward_x4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.lanes) { return; }
  let row = i / params.lanes;
  let sum = row_in[row];
  let cols = params.cols / 4u;
  for (var j = row * cols + i % params.lanes; j < (row + 1u) * cols; j += params.lanes) {
    dx4[j] = dy4[j] - exp(y_in4[j]) * sum;
  }
}
