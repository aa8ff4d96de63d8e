// image_statistics: how sharp, contrasted, colourful and grainy pictures are, each [B]
// sharpness = var(L), L the 4-neighbour Laplacian of the luma Y; grain = var(L) / (var(Y) + 1e-6); both variances unbiased,
// over all pixels with zeros around the picture (BORDER 0), or over the pixels that have all neighbours (BORDER 1)
// contrast = max x - min x over pixels and channels; saturation = mean over pixels of the unbiased deviation over channels
// x: [B, C, H, W], C = 1 (Y = x) or 3 (Y = 0.299 R + 0.587 G + 0.114 B, ITU-R BT.601)
// moments: [B, H] of mean and sum of squared deviations of L, then of Y; ranges: [B, H] of max, min, sum of deviations, NaN
// image_rows: a lane per row of pixels; join: a lane per picture
// numerics: moments by Welford 1962, rows joined as in Chan, Golub and LeVeque 1979; NaN in a pixel reaches contrast, and
// the others where they see the pixel
// cost: 3 loads and about 25 FLOP a pixel and channel; bound by the loads
//@include grid
override WG: u32 = 32;
override CHANNELS: u32 = 1;
override BORDER: u32 = 1;
struct Params { batch: u32, h: u32, w: u32 }
const HIGHEST = 3.402823e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> moments: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> ranges: array<vec4f>;
@group(0) @binding(0) var<storage, read> moments_in: array<vec4f>;
@group(0) @binding(1) var<storage, read> ranges_in: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> sharpness: array<f32>;
@group(0) @binding(3) var<storage, read_write> contrast: array<f32>;
@group(0) @binding(4) var<storage, read_write> saturation: array<f32>;
@group(0) @binding(5) var<storage, read_write> grain: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }

fn pixel(at: u32) -> vec3f {
  if (CHANNELS == 1u) { return vec3f(x[at]); }
  let plane = params.h * params.w;
  return vec3f(x[at], x[at + plane], x[at + 2u * plane]);
}

fn luma(p: vec3f) -> f32 {
  if (CHANNELS == 1u) { return p.x; }
  return 0.299 * p.x + 0.587 * p.y + 0.114 * p.z;
}

@compute @workgroup_size(WG)
fn image_rows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.batch * params.h) { return; }
  let row = i % params.h;
  let start = (i / params.h * CHANNELS * params.h + row) * params.w;
  let inner = row >= BORDER && row + BORDER < params.h;
  var mean = vec2f();
  var squares = vec2f();
  var count = 0.0;
  var range = vec4f(-HIGHEST, HIGHEST, 0.0, 0.0);
  var left = 0.0;
  var p = pixel(start);
  for (var j = 0u; j < params.w; j++) {
    let at = start + j;
    var next = vec3f();
    if (j + 1u < params.w) { next = pixel(at + 1u); }
    let centre = luma(p);
    if (inner && j >= BORDER && j + BORDER < params.w) {
      var above = 0.0;
      var below = 0.0;
      if (row > 0u) { above = luma(pixel(at - params.w)); }
      if (row + 1u < params.h) { below = luma(pixel(at + params.w)); }
      let value = vec2f(left + luma(next) + above + below - 4.0 * centre, centre);
      count += 1.0;
      let difference = value - mean;
      mean += difference / count;
      squares += difference * (value - mean);
    }
    let high = max(max(p.x, p.y), p.z);
    let low = min(min(p.x, p.y), p.z);
    range.x = max(range.x, high);
    range.y = min(range.y, low);
    if (CHANNELS > 1u) {
      let d = p - (p.x + p.y + p.z) / 3.0;
      range.z += sqrt(dot(d, d) / 2.0);
    }
    let sum = p.x + p.y + p.z;
    if (is_nan(sum)) { range.w = sum; }
    left = centre;
    p = next;
  }
  moments[i] = vec4f(mean.x, squares.x, mean.y, squares.y);
  ranges[i] = range;
}

@compute @workgroup_size(WG)
fn join(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = flat_index(group, groups, lane, WG);
  if (b >= params.batch) { return; }
  let width = f32(params.w - 2u * BORDER);
  var mean = vec2f();
  var squares = vec2f();
  var rows = 0.0;
  var range = vec4f(-HIGHEST, HIGHEST, 0.0, 0.0);
  for (var row = 0u; row < params.h; row++) {
    let own = ranges_in[b * params.h + row];
    range = vec4f(max(range.x, own.x), min(range.y, own.y), range.z + own.z, range.w + own.w);
    if (row < BORDER || row + BORDER >= params.h) { continue; }
    let part = moments_in[b * params.h + row];
    let difference = part.xz - mean;
    mean += difference / (rows + 1.0);
    squares += part.yw + difference * difference * (width * rows / (rows + 1.0));
    rows += 1.0;
  }
  let variances = squares / (width * rows - 1.0);
  sharpness[b] = variances.x;
  contrast[b] = range.x - range.y + range.w;
  saturation[b] = range.z / f32(params.h * params.w);
  grain[b] = variances.x / (variances.y + 1e-6);
}
