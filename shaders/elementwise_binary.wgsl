// y_i = f(a_i, b_i) with NumPy broadcasting; f is add, sub, mul, div, minimum or maximum (FUNCTION 0 to 5)
// backward: dx_i = dy_i * df/da (SIDE 0) or dy_i * df/db (SIDE 1), in the broadcast shape; ties of minimum and maximum
// give the whole gradient to a. NaN in either operand of minimum and maximum gives NaN.
// y, dy, dx: [rows, width], a row along the innermost merged axis; a, b: walked by strides. Each operand moves along
// the row (A, B = 1), gives one element to the whole row (0), or is a number from Params (2).
// one lane per VECTORS vec4, WG apart (forward, backward), or per element (.._scalar, where rows are no multiple of 4)
// cost: 1 FLOP an element, 12 bytes where shapes are equal; bound by memory on GPUs, on llvmpipe by its loads (25 ns
// for 8 lanes and a vec4) and stores (21 ns): 2^20 elements reach 76 % of the fastest copy's GB/s (bench/peak.ts)
//@include grid
//@include strides
const VECTORS = 1u;
override WG: u32 = 64;
override FUNCTION: u32 = 0;
override SIDE: u32 = 0;
override A: u32 = 1;
override B: u32 = 1;
override AXES: u32 = 0; // around the innermost one
struct Params { n: u32, width: u32, a_first: u32, b_first: u32, sizes: vec4u, a_strides: vec4u, b_strides: vec4u, number: f32 }
const NUMBER = 2u;

@group(0) @binding(0) var<storage, read> a4: array<vec4f>;
@group(0) @binding(1) var<storage, read> b4: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy4: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y4: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx4: array<vec4f>;
@group(0) @binding(0) var<storage, read> a1: array<f32>;
@group(0) @binding(1) var<storage, read> b1: array<f32>;
@group(0) @binding(2) var<storage, read> dy1: array<f32>;
@group(0) @binding(2) var<storage, read_write> y1: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx1: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn is_nan(v: vec4f) -> vec4<bool> { return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }

fn value(a: vec4f, b: vec4f) -> vec4f {
  if (FUNCTION == 0u) { return a + b; }
  if (FUNCTION == 1u) { return a - b; }
  if (FUNCTION == 2u) { return a * b; }
  if (FUNCTION == 3u) { return a / b; }
  if (FUNCTION == 4u) { return select(b, a, (a <= b) | is_nan(a)); }
  return select(b, a, (a >= b) | is_nan(a));
}

fn slope(a: vec4f, b: vec4f) -> vec4f {
  let to_b = SIDE == 1u;
  if (FUNCTION == 0u) { return vec4f(1.0); }
  if (FUNCTION == 1u) { return vec4f(select(1.0, -1.0, to_b)); }
  if (FUNCTION == 2u) { return select(b, a, to_b); }
  if (FUNCTION == 3u) { return select(1.0 / b, -(a / b) / b, to_b); }
  let from_a = select(a >= b, a <= b, FUNCTION == 4u) | is_nan(a);
  return select(vec4f(0.0), vec4f(1.0), from_a != vec4<bool>(to_b));
}

struct Place { row: u32, col: u32 }

fn place(i: u32) -> Place {
  if (AXES == 0u) { return Place(0u, i); }
  let row = i / params.width;
  return Place(row, i - row * params.width);
}

fn a_at(row: u32) -> u32 { return strided_offset(row, AXES, params.sizes, params.a_strides, params.a_first); }
fn b_at(row: u32) -> u32 { return strided_offset(row, AXES, params.sizes, params.b_strides, params.b_first); }

fn load_a4(p: Place) -> vec4f {
  if (A == NUMBER) { return vec4f(params.number); }
  let at = a_at(p.row);
  if (A == 1u) { return a4[at / 4u + p.col]; }
  return vec4f(a4[at / 4u][at % 4u]);
}

fn load_b4(p: Place) -> vec4f {
  if (B == NUMBER) { return vec4f(params.number); }
  let at = b_at(p.row);
  if (B == 1u) { return b4[at / 4u + p.col]; }
  return vec4f(b4[at / 4u][at % 4u]);
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * VECTORS * WG + lane;
  //@unroll v 0 VECTORS
  let i$v = first + $(v)u * WG;
  if (i$v < params.n) {
    let p = place(i$v);
    y4[i$v] = value(load_a4(p), load_b4(p));
  }
  //@end
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * VECTORS * WG + lane;
  //@unroll v 0 VECTORS
  let i$v = first + $(v)u * WG;
  if (i$v < params.n) {
    let p = place(i$v);
    dx4[i$v] = dy4[i$v] * slope(load_a4(p), load_b4(p));
  }
  //@end
}

@compute @workgroup_size(WG)
fn forward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let p = place(i);
  y1[i] = value(vec4f(a1[a_at(p.row) + A * p.col]), vec4f(b1[b_at(p.row) + B * p.col])).x;
}

@compute @workgroup_size(WG)
fn backward_scalar(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let p = place(i);
  dx1[i] = dy1[i] * slope(vec4f(a1[a_at(p.row) + A * p.col]), vec4f(b1[b_at(p.row) + B * p.col])).x;
}
