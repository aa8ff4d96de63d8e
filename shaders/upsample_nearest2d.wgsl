// upsample_nearest2d: y[n, i, j] = x[n, i / F, j / F]; backward: dx[n, p, q] = sum_{k, l < F} dy[n, p F + k, q F + l]
// x, dx: [N, H, W] (N = batch x channels); y, dy: [N, F H, F W]; one lane per element of the result
// cost: one read of x and one write of y; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { planes: u32, h: u32, w: u32, factor: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let y_w = params.w * params.factor;
  let row = at / y_w; // of [N, F H]; F H rows a plane, so row / F counts the rows of all planes of x
  if (row >= params.planes * params.h * params.factor) { return; }
  y[at] = x[row / params.factor * params.w + at % y_w / params.factor];
}

// x is dy here, and y is dx
@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  let row = at / params.w;
  if (row >= params.planes * params.h) { return; }
  let y_w = params.w * params.factor;
  let corner = row * params.factor * y_w + at % params.w * params.factor;
  var sum = 0.0;
  for (var k = 0u; k < params.factor; k++) {
    for (var l = 0u; l < params.factor; l++) { sum += x[corner + k * y_w + l]; }
  }
  y[at] = sum;
}
