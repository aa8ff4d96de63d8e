// y[o, start + c] = x[o, c]: one input's place in the concatenation; backward: dx[o, c] = dy[o, start + c]
// x, dx: [outer, row]; y, dy: [outer, long_row], where a row holds the concatenated axis and all axes inside it
// one lane per 4 elements (forward, backward; all sizes and starts are multiples of 4) or per element (.._scalar)
// any 4-byte element; cost: no FLOP, 8 bytes an element; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { n: u32, row: u32, long_row: u32, start: u32 }

@group(0) @binding(0) var<storage, read> x4: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y4: array<vec4u>;
@group(0) @binding(0) var<storage, read> x1: array<u32>;
@group(0) @binding(1) var<storage, read_write> y1: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

fn place(i: u32) -> u32 {
  let outer = i / params.row;
  return outer * params.long_row + params.start + i - outer * params.row;
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y4[place(i)] = x4[i]; }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y4[i] = x4[place(i)]; }
}

@compute @workgroup_size(WG)
fn forward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y1[place(i)] = x1[i]; }
}

@compute @workgroup_size(WG)
fn backward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y1[i] = x1[place(i)]; }
}
