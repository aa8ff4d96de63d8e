// softmax for GPUs (formulas and layouts: softmax.wgsl); x, y, dy, dx: [rows, cols]
// one workgroup of WG lanes per row: lanes side by side read side by side, and reduce in workgroup memory
// cost: 2 reads and 1 write of the data forward, about 8 FLOP an element; bound by memory; not measured on a GPU
//@include grid
//@include row_reduce
//@include row_softmax
override WG: u32 = 256;
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
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let sum = row_exponentials(base, params.cols, lane);
  for (var c = lane; c < params.cols; c += WG) { y[base + c] = exp(x[base + c] - sum.x) / sum.y; }
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var products = 0.0;
  for (var c = lane; c < params.cols; c += WG) { products = fma(dy[base + c], y_in[base + c], products); }
  let along = sum_over_lanes(vec4f(products), lane).x;
  for (var c = lane; c < params.cols; c += WG) { dx[base + c] = y_in[base + c] * (dy[base + c] - along); }
}
