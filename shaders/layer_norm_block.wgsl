// layer_norm for GPUs (formulas: layer_norm.wgsl); x, y, dy, dx: [rows, cols]; gain, bias: [cols]; stats: [rows, 2]
// one workgroup of WG lanes per row: lanes side by side read side by side, and reduce in workgroup memory
// cost: 3 reads of x (the later ones from the cache) and 1 write forward; bound by memory; not measured on a GPU
//@include grid
//@include row_reduce
override WG: u32 = 256;
struct Params { rows: u32, cols: u32, eps: f32, parts: u32, rows_per_part: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats_out: array<vec2f>;

@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var sum = 0.0;
  for (var c = lane; c < params.cols; c += WG) { sum += x[base + c]; }
  let mean = sum_over_lanes(vec4f(sum), lane).x / f32(params.cols);
  var squares = 0.0;
  for (var c = lane; c < params.cols; c += WG) {
    let d = x[base + c] - mean;
    squares = fma(d, d, squares);
  }
  let scale = 1.0 / sqrt(sum_over_lanes(vec4f(squares), lane).x / f32(params.cols) + params.eps);
  for (var c = lane; c < params.cols; c += WG) { y[base + c] = fma((x[base + c] - mean) * scale, gain[c], bias[c]); }
  if (lane == 0u) { stats_out[row] = vec2f(mean, scale); }
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let mean = stats[row].x;
  let scale = stats[row].y;
  var sums = vec4f(); // of g and of g n
  for (var c = lane; c < params.cols; c += WG) {
    let g = dy[base + c] * gain[c];
    sums += vec4f(g, g * (x[base + c] - mean) * scale, 0.0, 0.0);
  }
  let means = sum_over_lanes(sums, lane) / f32(params.cols);
  for (var c = lane; c < params.cols; c += WG) {
    let n = (x[base + c] - mean) * scale;
    dx[base + c] = scale * (dy[base + c] * gain[c] - means.x - n * means.y);
  }
}
