// max_pool2d: y[n, i, j] = max of x[n, p, q] over the pixels of the window i S - P <= p < i S - P + K, and q alike, that
// lie inside the image; NaN wins, as in PyTorch
// backward: dx[n, p, q] = sum of dy over the windows whose first maximum lies at (p, q)
// x, dx: [N, H, W] (N = batch x channels); y, dy: [N, YH, YW]; where: [N, YH, YW], the maximum's place p W + q
// forward: one lane per window; backward: one lane per image element, so that no two lanes add to one element
// the usual windows of 2 x 2 that tile an image of even sides have entry points of their own, halve and halve_x, with a
// lane per window in both directions and no loops: backward is 7 times as fast on llvmpipe
// cost: one read of x and two writes of y forward; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { planes: u32, h: u32, w: u32, y_h: u32, y_w: u32, kernel: u32, stride: u32, padding: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> where_out: array<u32>;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> where_in: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// Elements in pairs: x pairs in a row of windows lie y_w apart, 2 y_w in a row of x
@group(0) @binding(0) var<storage, read> x2: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> dx2: array<vec2f>;
@group(1) @binding(0) var<uniform> params: Params;

// `v != v` is not reliable on software adapters
fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let window = at % (params.y_h * params.y_w);
  let plane = at / (params.y_h * params.y_w);
  if (plane >= params.planes) { return; }
  let base = plane * params.h * params.w;
  let top = window / params.y_w * params.stride;
  let left = window % params.y_w * params.stride;
  let p_end = min(top + params.kernel, params.h + params.padding) - params.padding;
  let q_end = min(left + params.kernel, params.w + params.padding) - params.padding;
  let q_start = max(left, params.padding) - params.padding;
  var p = max(top, params.padding) - params.padding;
  var place = p * params.w + q_start;
  var best = x[base + place];
  for (; p < p_end; p++) {
    for (var q = q_start; q < q_end; q++) {
      let here = p * params.w + q;
      let v = x[base + here];
      if (v > best || (is_nan(v) && !is_nan(best))) {
        best = v;
        place = here;
      }
    }
  }
  y[at] = best;
  where_out[at] = place;
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let here = at % (params.h * params.w);
  let plane = at / (params.h * params.w);
  if (plane >= params.planes) { return; }
  let p = here / params.w + params.padding;
  let q = here % params.w + params.padding;
  let i_end = min(p / params.stride + 1u, params.y_h);
  let j_end = min(q / params.stride + 1u, params.y_w);
  var sum = 0.0;
  for (var i = (max(p + 1u, params.kernel) - params.kernel + params.stride - 1u) / params.stride; i < i_end; i++) {
    for (var j = (max(q + 1u, params.kernel) - params.kernel + params.stride - 1u) / params.stride; j < j_end; j++) {
      let window = (plane * params.y_h + i) * params.y_w + j;
      if (where_in[window] == here) { sum += dy[window]; }
    }
  }
  dx[at] = sum;
}

@compute @workgroup_size(WG)
fn halve(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let row = at / params.y_w;
  if (row >= params.planes * params.y_h) { return; }
  let top = x2[at + row * params.y_w];
  let bottom = x2[at + row * params.y_w + params.y_w];
  var best = top.x;
  var place = row % params.y_h * 2u * params.w + (at - row * params.y_w) * 2u;
  let first = place;
  if (top.y > best || (is_nan(top.y) && !is_nan(best))) { best = top.y; place = first + 1u; }
  if (bottom.x > best || (is_nan(bottom.x) && !is_nan(best))) { best = bottom.x; place = first + params.w; }
  if (bottom.y > best || (is_nan(bottom.y) && !is_nan(best))) { best = bottom.y; place = first + params.w + 1u; }
  y[at] = best;
  where_out[at] = place;
}

@compute @workgroup_size(WG)
fn halve_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let row = at / params.y_w;
  if (row >= params.planes * params.y_h) { return; }
  let first = row % params.y_h * 2u * params.w + (at - row * params.y_w) * 2u;
  let place = where_in[at];
  let bottom = place >= first + params.w;
  let here = vec2u(first, first + 1u) + select(0u, params.w, bottom);
  let gradient = select(vec2f(), vec2f(dy[at]), vec2u(place) == here);
  dx2[at + row * params.y_w] = select(gradient, vec2f(), bottom);
  dx2[at + row * params.y_w + params.y_w] = select(vec2f(), gradient, bottom);
}
