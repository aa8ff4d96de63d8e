// y_i = cond_i != 0 ? a_i : b_i with NumPy broadcasting of all three
// backward, in the broadcast shape: da_i = cond_i != 0 ? dy_i : 0 (SIDE 0), db_i = cond_i != 0 ? 0 : dy_i (SIDE 1)
// y, dy, dx: [rows, width], a row along the innermost merged axis; cond, a, b: walked by strides, where each moves along
// the row (COND, A, B = 1) or gives one element to the whole row (0)
// one lane per 4 elements (forward, backward) or per element (.._scalar, where rows are no multiple of 4)
// cost: no FLOP, 16 bytes an element where shapes are equal; bound by memory
//@include grid
//@include strides
override WG: u32 = 64;
override SIDE: u32 = 0;
override COND: u32 = 1;
override A: u32 = 1;
override B: u32 = 1;
override AXES: u32 = 0; // around the innermost one
struct Params {
  n: u32, width: u32, cond_first: u32, a_first: u32, b_first: u32,
  sizes: vec4u, cond_strides: vec4u, a_strides: vec4u, b_strides: vec4u,
}

@group(0) @binding(0) var<storage, read> cond4: array<vec4u>;
@group(0) @binding(1) var<storage, read> a4: array<vec4f>;
@group(0) @binding(2) var<storage, read> b4: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y4: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy4: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx4: array<vec4f>;
@group(0) @binding(0) var<storage, read> cond1: array<u32>;
@group(0) @binding(1) var<storage, read> a1: array<f32>;
@group(0) @binding(2) var<storage, read> b1: array<f32>;
@group(0) @binding(3) var<storage, read_write> y1: array<f32>;
@group(0) @binding(1) var<storage, read> dy1: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx1: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

struct Place { row: u32, col: u32 }

fn place(i: u32) -> Place {
  if (AXES == 0u) { return Place(0u, i); }
  let row = i / params.width;
  return Place(row, i - row * params.width);
}

fn cond_at(row: u32) -> u32 { return strided_offset(row, AXES, params.sizes, params.cond_strides, params.cond_first); }
fn a_at(row: u32) -> u32 { return strided_offset(row, AXES, params.sizes, params.a_strides, params.a_first); }
fn b_at(row: u32) -> u32 { return strided_offset(row, AXES, params.sizes, params.b_strides, params.b_first); }

fn chosen4(p: Place) -> vec4<bool> {
  let at = cond_at(p.row);
  if (COND == 1u) { return cond4[at / 4u + p.col] != vec4u(0u); }
  return vec4<bool>(cond4[at / 4u][at % 4u] != 0u);
}

fn load_a4(p: Place) -> vec4f {
  let at = a_at(p.row);
  if (A == 1u) { return a4[at / 4u + p.col]; }
  return vec4f(a4[at / 4u][at % 4u]);
}

fn load_b4(p: Place) -> vec4f {
  let at = b_at(p.row);
  if (B == 1u) { return b4[at / 4u + p.col]; }
  return vec4f(b4[at / 4u][at % 4u]);
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let p = place(i);
  y4[i] = select(load_b4(p), load_a4(p), chosen4(p));
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  dx4[i] = select(vec4f(0.0), dy4[i], chosen4(place(i)) == vec4<bool>(SIDE == 0u));
}

@compute @workgroup_size(WG)
fn forward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let p = place(i);
  let chosen = cond1[cond_at(p.row) + COND * p.col] != 0u;
  y1[i] = select(b1[b_at(p.row) + B * p.col], a1[a_at(p.row) + A * p.col], chosen);
}

@compute @workgroup_size(WG)
fn backward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let p = place(i);
  let chosen = cond1[cond_at(p.row) + COND * p.col] != 0u;
  dx1[i] = select(0.0, dy1[i], chosen == (SIDE == 0u));
}
