// y[o, k, i] = x[o, index[o, k, i], i]: elements taken along an axis; an index outside it gives NaN
// backward: dx[o, j, i] = sum over k with index[o, k, i] = j of dy[o, k, i]
// x, dx: [outer, size, inner]; index, y, dy: [outer, count, inner]
// forward: one lane per element of y. backward: dx holds zeros; one lane per (o, i) adds its column's elements in order,
// so that no two lanes meet and the sum is deterministic; a launch covers `start <= k < end`, few enough iterations for
// software adapters
// cost: no FLOP, 12 bytes an element of y; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { n: u32, size: u32, count: u32, inner: u32, start: u32, end: u32, outside: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let outer = i / (params.count * params.inner);
  let j = u32(index[i]); // negative indices become large
  var v = params.outside;
  if (j < params.size) { v = x[(outer * params.size + j) * params.inner + i % params.inner]; }
  y[i] = v;
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = flat_index(group, groups, lane, WG);
  if (column >= params.n) { return; }
  let outer = column / params.inner;
  let i = column - outer * params.inner;
  for (var k = params.start; k < params.end; k++) {
    let at = (outer * params.count + k) * params.inner + i;
    let j = u32(index[at]);
    if (j < params.size) { dx[(outer * params.size + j) * params.inner + i] += dy[at]; }
  }
}
