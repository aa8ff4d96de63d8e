// rms_norm for GPUs (formulas: rms_norm.wgsl); x, y, dy, dx: [rows, cols]; gain: [cols]; scales: [rows]
// one workgroup of WG lanes per row: lanes side by side read side by side, and reduce in workgroup memory
// cost: 2 reads of x (the second from the cache) and 1 write forward; bound by memory; not measured on a GPU
//@include grid
//@include row_reduce
override WG: u32 = 256;
struct Params { rows: u32, cols: u32, eps: f32, parts: u32, rows_per_part: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> scales_out: array<f32>;

@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var squares = 0.0;
  for (var c = lane; c < params.cols; c += WG) { squares = fma(x[base + c], x[base + c], squares); }
  let scale = 1.0 / sqrt(sum_over_lanes(vec4f(squares), lane).x / f32(params.cols) + params.eps);
  for (var c = lane; c < params.cols; c += WG) { y[base + c] = x[base + c] * scale * gain[c]; }
  if (lane == 0u) { scales_out[row] = scale; }
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let scale = scales[row];
  var products = 0.0;
  for (var c = lane; c < params.cols; c += WG) { products = fma(dy[base + c] * gain[c], x[base + c] * scale, products); }
  let mean = sum_over_lanes(vec4f(products), lane).x / f32(params.cols);
  for (var c = lane; c < params.cols; c += WG) { dx[base + c] = scale * (dy[base + c] * gain[c] - x[base + c] * scale * mean); }
}
