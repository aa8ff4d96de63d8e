// layer_norm over the last axis: y_i = n_i gain_i + bias_i, n_i = (x_i - mean) / sqrt(var + eps), var the mean of squares
// backward, with g_i = dy_i gain_i: dx_i = (g_i - mean(g) - n_i mean(g n)) / sqrt(var + eps)
//           dgain_i = sum_rows dy_i n_i, dbias_i = sum_rows dy_i
// x, y, dy, dx: [rows, cols]; gain, bias: [cols]; stats: [rows, 2] = mean and 1 / sqrt(var + eps)
// forward, backward_x: one lane per row, for what layer_norm_subgroup.wgsl and layer_norm_block.wgsl do not take;
// forward4, backward_x4 the same on vec4, for cols divisible by 4
// gain_partial: one lane per column of one part of the rows, gain_partial4 per four columns
// numerics: the mean first, then the squares around it: no cancellation for rows far from zero
// cost: 3 reads of x and 1 write forward; bound by memory
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32, eps: f32, parts: u32, rows_per_part: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats_out: array<vec2f>;
@group(0) @binding(0) var<storage, read> x4: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain4: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias4: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y4: array<vec4f>;

@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> dy4: array<vec4f>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx4: array<vec4f>;

@group(0) @binding(4) var<storage, read_write> gain_sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> bias_sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> gain_sums4: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> bias_sums4: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var mean = 0.0;
  for (var c = 0u; c < params.cols; c++) { mean += x[base + c]; }
  mean /= f32(params.cols);
  var squares = 0.0;
  for (var c = 0u; c < params.cols; c++) {
    let d = x[base + c] - mean;
    squares = fma(d, d, squares);
  }
  let scale = 1.0 / sqrt(squares / f32(params.cols) + params.eps);
  for (var c = 0u; c < params.cols; c++) { y[base + c] = fma((x[base + c] - mean) * scale, gain[c], bias[c]); }
  stats_out[row] = vec2f(mean, scale);
}

@compute @workgroup_size(WG)
fn forward4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let cols = params.cols / 4u;
  let base = row * cols;
  var sums = vec4f();
  for (var c = 0u; c < cols; c++) { sums += x4[base + c]; }
  let mean = dot(sums, vec4f(1.0)) / f32(params.cols);
  var squares = vec4f();
  for (var c = 0u; c < cols; c++) {
    let d = x4[base + c] - mean;
    squares = fma(d, d, squares);
  }
  let scale = 1.0 / sqrt(dot(squares, vec4f(1.0)) / f32(params.cols) + params.eps);
  for (var c = 0u; c < cols; c++) { y4[base + c] = fma((x4[base + c] - mean) * scale, gain4[c], bias4[c]); }
  stats_out[row] = vec2f(mean, scale);
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let mean = stats[row].x;
  let scale = stats[row].y;
  var g_sum = 0.0;
  var gn_sum = 0.0;
  for (var c = 0u; c < params.cols; c++) {
    let g = dy[base + c] * gain[c];
    g_sum += g;
    gn_sum = fma(g, (x[base + c] - mean) * scale, gn_sum);
  }
  g_sum /= f32(params.cols);
  gn_sum /= f32(params.cols);
  for (var c = 0u; c < params.cols; c++) {
    let n = (x[base + c] - mean) * scale;
    dx[base + c] = scale * (dy[base + c] * gain[c] - g_sum - n * gn_sum);
  }
}

@compute @workgroup_size(WG)
fn backward_x4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let cols = params.cols / 4u;
  let base = row * cols;
  let mean = stats[row].x;
  let scale = stats[row].y;
  var g_sums = vec4f();
  var gn_sums = vec4f();
  for (var c = 0u; c < cols; c++) {
    let g = dy4[base + c] * gain4[c];
    g_sums += g;
    gn_sums = fma(g, (x4[base + c] - mean) * scale, gn_sums);
  }
  let g_mean = dot(g_sums, vec4f(1.0)) / f32(params.cols);
  let gn_mean = dot(gn_sums, vec4f(1.0)) / f32(params.cols);
  for (var c = 0u; c < cols; c++) {
    let n = (x4[base + c] - mean) * scale;
    dx4[base + c] = scale * (dy4[base + c] * gain4[c] - g_mean - n * gn_mean);
  }
}

@compute @workgroup_size(WG)
fn gain_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let part = i / params.cols;
  if (part >= params.parts) { return; }
  let end = min((part + 1u) * params.rows_per_part, params.rows);
  var at = part * params.rows_per_part * params.cols + i % params.cols;
  var gain_sum = 0.0;
  var bias_sum = 0.0;
  for (var r = part * params.rows_per_part; r < end; r++) {
    let d = dy[at];
    let moments = stats[r];
    gain_sum = fma(d, (x[at] - moments.x) * moments.y, gain_sum);
    bias_sum += d;
    at += params.cols;
  }
  gain_sums[i] = gain_sum;
  bias_sums[i] = bias_sum;
}

@compute @workgroup_size(WG)
fn gain_partial4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let cols = params.cols / 4u;
  let part = i / cols;
  if (part >= params.parts) { return; }
  let end = min((part + 1u) * params.rows_per_part, params.rows);
  var at = part * params.rows_per_part * cols + i % cols;
  var gain_sum = vec4f();
  var bias_sum = vec4f();
  for (var r = part * params.rows_per_part; r < end; r++) {
    let d = dy4[at];
    let moments = stats[r];
    gain_sum = fma(d, (x4[at] - moments.x) * moments.y, gain_sum);
    bias_sum += d;
    at += cols;
  }
  gain_sums4[i] = gain_sum;
  bias_sums4[i] = bias_sum;
}
