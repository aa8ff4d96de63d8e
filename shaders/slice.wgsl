// y[o, c] = x[o, start + c]: a range of one axis; backward: dx[o, start + c] = dy[o, c], 0 outside the range
// x, dx: [outer, long_row]; y, dy: [outer, row], where a row holds the sliced axis and all axes inside it
// one lane per 4 elements written (forward, backward; all sizes and the start are multiples of 4) or per element (.._scalar)
// any 4-byte element forward; cost: no FLOP, 8 bytes an element; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { n: u32, row: u32, long_row: u32, start: u32 }

@group(0) @binding(0) var<storage, read> x4: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y4: array<vec4u>;
@group(0) @binding(0) var<storage, read> x1: array<u32>;
@group(0) @binding(1) var<storage, read_write> y1: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

fn source(i: u32) -> u32 {
  let outer = i / params.row;
  return outer * params.long_row + params.start + i - outer * params.row;
}

const OUTSIDE = 0xffffffffu;

fn gradient_of(i: u32) -> u32 {
  let outer = i / params.long_row;
  let col = i - outer * params.long_row;
  let inside = col >= params.start && col < params.start + params.row;
  return select(OUTSIDE, outer * params.row + col - params.start, inside);
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y4[i] = x4[source(i)]; }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let at = gradient_of(i);
  var g = vec4u(0u);
  if (at != OUTSIDE) { g = x4[at]; }
  y4[i] = g;
}

@compute @workgroup_size(WG)
fn forward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y1[i] = x1[source(i)]; }
}

@compute @workgroup_size(WG)
fn backward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let at = gradient_of(i);
  var g = 0u;
  if (at != OUTSIDE) { g = x1[at]; }
  y1[i] = g;
}
