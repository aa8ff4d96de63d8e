// rms_norm over the last axis: y_i = n_i gain_i, n_i = x_i / sqrt(mean(x^2) + eps)
// backward, with g_i = dy_i gain_i: dx_i = (g_i - n_i mean(g n)) / sqrt(mean(x^2) + eps), dgain_i = sum_rows dy_i n_i
// x, y, dy, dx: [rows, cols]; gain: [cols]; scales: [rows] = 1 / sqrt(mean(x^2) + eps)
// forward, backward_x: one lane per row, for what rms_norm_subgroup.wgsl and rms_norm_block.wgsl do not take; forward4,
// backward_x4 the same on vec4, for cols divisible by 4
// gain_partial: one lane per column of one part of the rows, gain_partial4 per four columns
// cost: 2 reads of x and 1 write forward; bound by memory
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32, eps: f32, parts: u32, rows_per_part: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> scales_out: array<f32>;
@group(0) @binding(0) var<storage, read> x4: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain4: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y4: array<vec4f>;

@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> dy4: array<vec4f>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx4: array<vec4f>;

@group(0) @binding(4) var<storage, read_write> gain_sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> gain_sums4: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var squares = 0.0;
  for (var c = 0u; c < params.cols; c++) { squares = fma(x[base + c], x[base + c], squares); }
  let scale = 1.0 / sqrt(squares / f32(params.cols) + params.eps);
  for (var c = 0u; c < params.cols; c++) { y[base + c] = x[base + c] * scale * gain[c]; }
  scales_out[row] = scale;
}

@compute @workgroup_size(WG)
fn forward4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let cols = params.cols / 4u;
  let base = row * cols;
  var squares = vec4f();
  for (var c = 0u; c < cols; c++) { squares = fma(x4[base + c], x4[base + c], squares); }
  let scale = 1.0 / sqrt(dot(squares, vec4f(1.0)) / f32(params.cols) + params.eps);
  for (var c = 0u; c < cols; c++) { y4[base + c] = x4[base + c] * scale * gain4[c]; }
  scales_out[row] = scale;
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let scale = scales[row];
  var sum = 0.0;
  for (var c = 0u; c < params.cols; c++) { sum = fma(dy[base + c] * gain[c], x[base + c] * scale, sum); }
  let mean = sum / f32(params.cols);
  for (var c = 0u; c < params.cols; c++) { dx[base + c] = scale * (dy[base + c] * gain[c] - x[base + c] * scale * mean); }
}

@compute @workgroup_size(WG)
fn backward_x4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let cols = params.cols / 4u;
  let base = row * cols;
  let scale = scales[row];
  var sums = vec4f();
  for (var c = 0u; c < cols; c++) { sums = fma(dy4[base + c] * gain4[c], x4[base + c] * scale, sums); }
  let mean = dot(sums, vec4f(1.0)) / f32(params.cols);
  for (var c = 0u; c < cols; c++) { dx4[base + c] = scale * (dy4[base + c] * gain4[c] - x4[base + c] * scale * mean); }
}

@compute @workgroup_size(WG)
fn gain_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let part = i / params.cols;
  if (part >= params.parts) { return; }
  let end = min((part + 1u) * params.rows_per_part, params.rows);
  var at = part * params.rows_per_part * params.cols + i % params.cols;
  var sum = 0.0;
  for (var r = part * params.rows_per_part; r < end; r++) {
    sum = fma(dy[at], x[at] * scales[r], sum);
    at += params.cols;
  }
  gain_sums[i] = sum;
}

@compute @workgroup_size(WG)
fn gain_partial4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let cols = params.cols / 4u;
  let part = i / cols;
  if (part >= params.parts) { return; }
  let end = min((part + 1u) * params.rows_per_part, params.rows);
  var at = part * params.rows_per_part * cols + i % cols;
  var sum = vec4f();
  for (var r = part * params.rows_per_part; r < end; r++) {
    sum = fma(dy4[at], x4[at] * scales[r], sum);
    at += cols;
  }
  gain_sums4[i] = sum;
}
