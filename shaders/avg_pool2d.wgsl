// avg_pool2d: y[n, i, j] = mean of x[n, p, q] over the pixels of the window i S - P <= p < i S - P + K, and q alike, that
// lie inside the image: what padding adds is not counted (count_include_pad=False in PyTorch)
// backward: dx[n, p, q] = sum over the windows that hold (p, q) of dy / (their pixels inside the image)
// x, dx: [N, H, W] (N = batch x channels); y, dy: [N, YH, YW]
// forward: one lane per window; backward: one lane per image element, so that no two lanes add to one element
// cost: K^2 reads a window, mostly from the cache; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { planes: u32, h: u32, w: u32, y_h: u32, y_w: u32, kernel: u32, stride: u32, padding: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// First and one past the last pixel of window `at` along an axis of `size` pixels.
fn window(at: u32, size: u32) -> vec2u {
  let start = at * params.stride;
  return vec2u(max(start, params.padding), min(start + params.kernel, size + params.padding)) - params.padding;
}

// First and one past the last window that holds the pixel, of `count` windows along an axis.
fn windows_of(pixel: u32, count: u32) -> vec2u {
  let padded = pixel + params.padding;
  let first = (max(padded + 1u, params.kernel) - params.kernel + params.stride - 1u) / params.stride;
  return vec2u(first, min(padded / params.stride + 1u, count));
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let place = at % (params.y_h * params.y_w);
  let plane = at / (params.y_h * params.y_w);
  if (plane >= params.planes) { return; }
  let rows = window(place / params.y_w, params.h);
  let columns = window(place % params.y_w, params.w);
  let base = plane * params.h * params.w;
  var sum = 0.0;
  for (var p = rows.x; p < rows.y; p++) {
    for (var q = columns.x; q < columns.y; q++) { sum += x[base + p * params.w + q]; }
  }
  y[at] = sum / f32((rows.y - rows.x) * (columns.y - columns.x));
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let here = at % (params.h * params.w);
  let plane = at / (params.h * params.w);
  if (plane >= params.planes) { return; }
  let rows = windows_of(here / params.w, params.y_h);
  let columns = windows_of(here % params.w, params.y_w);
  var sum = 0.0;
  for (var i = rows.x; i < rows.y; i++) {
    let height = window(i, params.h);
    for (var j = columns.x; j < columns.y; j++) {
      let width = window(j, params.w);
      sum += dy[(plane * params.y_h + i) * params.y_w + j] / f32((height.y - height.x) * (width.y - width.x));
    }
  }
  dx[at] = sum;
}
