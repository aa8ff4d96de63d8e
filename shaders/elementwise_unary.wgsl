// y_i = f(x_i), FUNCTION 0 to 12 below; backward: dx_i = dy_i * f'(x_i), from x or, where that is cheaper, from y
//   neg, exp, log, sqrt, rsqrt, square, relu: d max(x, 0) = 1 for x > 0, else 0
//   tanh: series near 0, where software adapters lose relative accuracy
//   sigmoid s = 1 / (1 + e^-x), silu x s(x), quick_gelu x s(1.702 x), gelu_tanh x s(2 u), u = sqrt(2/pi) (x + 0.044715 x^3)
//     (which equals x/2 (1 + tanh u))
//   gelu x P(x), P(x) = erfc(-x / sqrt 2) / 2: erfc by Chebyshev fit with relative error below 1.2e-7 (Numerical
//     Recipes, section 6.2)
// x, y, dy, dx: [n]; one lane per VECTORS vec4, WG apart; buffers are padded to a multiple of 4
// NaN gives NaN. cost: 1 to 30 FLOP an element, 8 bytes forward, 16 backward; bound by memory on GPUs, on
// llvmpipe by its loads and stores: silu of 2^20 elements reaches 60 % of the fastest copy's GB/s (bench/peak.ts)
//@include grid
const VECTORS = 1u;
override WG: u32 = 64;
override FUNCTION: u32 = 0;
struct Params { n: u32 } // in vectors of 4
const NEG = 0u;
const EXP = 1u;
const LOG = 2u;
const SQRT = 3u;
const RSQRT = 4u;
const TANH = 5u;
const SIGMOID = 6u;
const RELU = 7u;
const GELU = 8u;
const GELU_TANH = 9u;
const QUICK_GELU = 10u;
const SILU = 11u;
const SQUARE = 12u;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> y_in: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn sigmoid(v: vec4f) -> vec4f {
  let e = exp(-abs(v)); // never overflows
  return select(e, vec4f(1.0), v >= vec4f(0.0)) / (1.0 + e);
}

fn hyperbolic_tangent(v: vec4f) -> vec4f {
  let q = v * v;
  let series = v * (1.0 + q * (-1.0 / 3.0 + q * (2.0 / 15.0 + q * (-17.0 / 315.0 + q * (62.0 / 2835.0)))));
  return select(2.0 * sigmoid(2.0 * v) - 1.0, series, abs(v) < vec4f(0.25));
}

// Distribution function of the standard normal: small for negative arguments with full relative accuracy.
fn normal_cdf(v: vec4f) -> vec4f {
  let z = abs(v) * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 +
    t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(p - z * z);
  return select(tail, 1.0 - tail, v >= vec4f(0.0));
}

// 2 sqrt(2/pi) (x + 0.044715 x^3)
fn gelu_tanh_inner(v: vec4f) -> vec4f { return v * (1.5957691 + 0.071354814 * v * v); }

fn value(v: vec4f) -> vec4f {
  var r = v;
  if (FUNCTION == NEG) { r = -v; }
  if (FUNCTION == EXP) { r = exp(v); }
  if (FUNCTION == LOG) { r = log(v); }
  if (FUNCTION == SQRT) { r = sqrt(v); }
  if (FUNCTION == RSQRT) { r = inverseSqrt(v); }
  if (FUNCTION == TANH) { r = hyperbolic_tangent(v); }
  if (FUNCTION == SIGMOID) { r = sigmoid(v); }
  if (FUNCTION == RELU) { r = select(v, vec4f(0.0), v <= vec4f(0.0)); }
  if (FUNCTION == GELU) { r = v * normal_cdf(v); }
  if (FUNCTION == GELU_TANH) { r = v * sigmoid(gelu_tanh_inner(v)); }
  if (FUNCTION == QUICK_GELU) { r = v * sigmoid(1.702 * v); }
  if (FUNCTION == SILU) { r = v * sigmoid(v); }
  if (FUNCTION == SQUARE) { r = v * v; }
  return r;
}

fn slope(v: vec4f, r: vec4f) -> vec4f {
  var d = vec4f(1.0);
  if (FUNCTION == NEG) { d = vec4f(-1.0); }
  if (FUNCTION == EXP) { d = r; }
  if (FUNCTION == LOG) { d = 1.0 / v; }
  if (FUNCTION == SQRT) { d = 0.5 / r; }
  if (FUNCTION == RSQRT) { d = -0.5 * r * r * r; }
  if (FUNCTION == TANH) { d = 1.0 - r * r; }
  if (FUNCTION == SIGMOID) { d = r * (1.0 - r); }
  if (FUNCTION == RELU) { d = select(vec4f(1.0), vec4f(0.0), v <= vec4f(0.0)); }
  if (FUNCTION == GELU) { d = normal_cdf(v) + v * 0.3989423 * exp(-0.5 * v * v); }
  if (FUNCTION == GELU_TANH) {
    let s = sigmoid(gelu_tanh_inner(v));
    d = s + v * s * (1.0 - s) * (1.5957691 + 0.21406444 * v * v);
  }
  if (FUNCTION == QUICK_GELU) {
    let s = sigmoid(1.702 * v);
    d = s + 1.702 * v * s * (1.0 - s);
  }
  if (FUNCTION == SILU) {
    let s = sigmoid(v);
    d = s + v * s * (1.0 - s);
  }
  if (FUNCTION == SQUARE) { d = 2.0 * v; }
  return d;
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * VECTORS * WG + lane;
  //@unroll v 0 VECTORS
  let i$v = first + $(v)u * WG;
  if (i$v < params.n) { y[i$v] = value(x[i$v]); }
  //@end
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * VECTORS * WG + lane;
  //@unroll v 0 VECTORS
  let i$v = first + $(v)u * WG;
  if (i$v < params.n) { dx[i$v] = dy[i$v] * slope(x[i$v], y_in[i$v]); }
  //@end
}
