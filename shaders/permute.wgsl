// y[.., i_k, ..] = x[.., i_order(k), ..]: axes in another order; backward is the same kernel with the inverse order
// y: written row by row along its innermost merged axis, `width` long; x: read by strides, `step` along the row
// one lane per 4 elements (forward, where the innermost axis stays and is a multiple of 4) or per element
// (forward_scalar); any 4-byte element
// cost: no FLOP, 8 bytes an element; bound by memory
//@include grid
//@include strides
override WG: u32 = 64;
override AXES: u32 = 0; // around the innermost one
struct Params { n: u32, width: u32, step: u32, first: u32, sizes: vec4u, strides: vec4u }

@group(0) @binding(0) var<storage, read> x4: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y4: array<vec4u>;
@group(0) @binding(0) var<storage, read> x1: array<u32>;
@group(0) @binding(1) var<storage, read_write> y1: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let row = i / params.width;
  y4[i] = x4[strided_offset(row, AXES, params.sizes, params.strides, params.first) / 4u + i - row * params.width];
}

@compute @workgroup_size(WG)
fn forward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let row = i / params.width;
  let col = i - row * params.width;
  y1[i] = x1[strided_offset(row, AXES, params.sizes, params.strides, params.first) + params.step * col];
}
