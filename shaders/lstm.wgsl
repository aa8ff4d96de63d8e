// One time step of one LSTM layer; xg holds x W_ih^T + b_ih + b_hh of all steps, gates in PyTorch's order i, f, g, o:
//   z = xg_t + h_{t-1} W_hh^T;  i, f, o = sigmoid, g = tanh;  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t)
// backward, t from the last step: dh = dy_t + dz_{t+1} W_hh;  dc = dc_{t+1} f_{t+1} + dh o (1 - tanh^2 c_t);
//   dz_i = dc g i (1 - i), dz_f = dc c_{t-1} f (1 - f), dz_g = dc i (1 - g^2), dz_o = dh tanh(c_t) o (1 - o)
// xg, gates, dz: [B,T,4H]; y, cs, dy, before (h_{t-1} of every step): [B,T,H]; w_hh: [4H,H]; h, c, dc: [B,H]
// step, backward_step: one lane per (b, hidden unit), any size; the reference of the tiles below
// lane_step, lane_backward_step: H divisible by 4, subgroups of 8, what is read again and again in textures, w_hh in
//   lane_step as its transpose [H,4H], so that neighbouring lanes load neighbouring texels; a workgroup
//   is one subgroup and owns TM rows x 32 hidden units with all their gates, so that the cell runs in registers
// cost a step: 8 B H^2 FLOP forward, as much backward; at B = 64, H = 128 the tiles take 0.76 and 0.70 ms, 11-12 GFLOP/s
//   (llvmpipe on 2 cores of an AMD EPYC, multiply-add peak 57 GFLOP/s)
//@include texture
override SAVE: u32 = 1; // keep gates and hidden states for backward
const TM = 16u;
struct Params { b: u32, t: u32, steps: u32, h: u32 }

fn sigmoid4(x: vec4f) -> vec4f { return 1.0 / (1.0 + exp(-x)); }

// 1 - 2 / (e^2x + 1), and x - x^3/3 + 2x^5/15 near zero, where the difference would cancel
fn tanh4(x: vec4f) -> vec4f {
  let far = 1.0 - 2.0 / (1.0 + exp(2.0 * clamp(x, vec4f(-15.0), vec4f(15.0))));
  let s = x * x;
  let near = x * (1.0 - s * (0.33333334 - s * (0.13333334 - s * 0.053968254)));
  return select(far, near, abs(x) < vec4f(0.1));
}

@group(0) @binding(0) var<storage, read> xg: array<f32>;
@group(0) @binding(1) var<storage, read> w_hh: array<f32>;
@group(0) @binding(2) var<storage, read> h_in: array<f32>;
@group(0) @binding(3) var<storage, read> c_in: array<f32>;
@group(0) @binding(4) var<storage, read_write> h_out: array<f32>;
@group(0) @binding(5) var<storage, read_write> c_out: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> gates: array<f32>;
@group(0) @binding(8) var<storage, read_write> cs: array<f32>;
@group(0) @binding(9) var<storage, read_write> before: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(32)
fn step(@builtin(global_invocation_id) id: vec3u) {
  let H = params.h;
  let unit = id.x;
  if (unit >= H) { return; }
  let row = id.y * params.steps + params.t;
  var z = vec4f(xg[row * 4u * H + unit], xg[(row * 4u + 1u) * H + unit], xg[(row * 4u + 2u) * H + unit], xg[(row * 4u + 3u) * H + unit]);
  for (var k = 0u; k < H; k++) {
    let w = vec4f(w_hh[unit * H + k], w_hh[(H + unit) * H + k], w_hh[(2u * H + unit) * H + k], w_hh[(3u * H + unit) * H + k]);
    z = fma(vec4f(h_in[id.y * H + k]), w, z);
  }
  let s = sigmoid4(z);
  let g = tanh4(z).z;
  let c = s.y * c_in[id.y * H + unit] + s.x * g;
  let h = s.w * tanh4(vec4f(c)).x;
  h_out[id.y * H + unit] = h;
  c_out[id.y * H + unit] = c;
  y[row * H + unit] = h;
  if (SAVE == 1u) {
    gates[row * 4u * H + unit] = s.x;
    gates[(row * 4u + 1u) * H + unit] = s.y;
    gates[(row * 4u + 2u) * H + unit] = g;
    gates[(row * 4u + 3u) * H + unit] = s.w;
    before[row * H + unit] = h_in[id.y * H + unit];
  }
  cs[row * H + unit] = c;
}

@group(0) @binding(0) var xg4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var w4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var h_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var c_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var h_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var c_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(6) var<storage, read_write> y4: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> gates4: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> cs4: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> before4: array<vec4f>;

fn cell(b: u32, unit: u32, i: vec4f, f: vec4f, g: vec4f, o: vec4f) {
  let h4 = params.h / 4u;
  if (b >= params.b || unit >= h4) { return; }
  let at = b * h4 + unit;
  let row = b * params.steps + params.t;
  let base = row * params.h + unit; // of gate i, in vec4; each gate is h4 further
  let zi = sigmoid4(i + textureLoad(xg4, texel(base)));
  let zf = sigmoid4(f + textureLoad(xg4, texel(base + h4)));
  let zg = tanh4(g + textureLoad(xg4, texel(base + 2u * h4)));
  let zo = sigmoid4(o + textureLoad(xg4, texel(base + 3u * h4)));
  let c = zf * textureLoad(c_in4, texel(at)) + zi * zg;
  let h = zo * tanh4(c);
  textureStore(h_out4, texel(at), h);
  textureStore(c_out4, texel(at), c);
  y4[row * h4 + unit] = h;
  if (SAVE == 1u) {
    gates4[base] = zi;
    gates4[base + h4] = zf;
    gates4[base + 2u * h4] = zg;
    gates4[base + 3u * h4] = zo;
    before4[row * h4 + unit] = textureLoad(h_in4, texel(at));
  }
  cs4[row * h4 + unit] = c;
}

@compute @workgroup_size(8)
fn lane_step(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let h4 = params.h / 4u;
  let unit = group.x * 8u + lane;
  let row = group.y * TM;
  //@unroll r 0 TM/8
  let row_$r = min(row + $(r*8)u + lane, params.b - 1u) * h4;
  //@end
  let column = min(unit, h4 - 1u);
  //@unroll g 0 4
  //@unroll i 0 TM
  var z$i_$g = vec4f();
  //@end
  //@end
  for (var k = 0u; k < h4; k++) {
    //@unroll r 0 TM/8
    let a$r = textureLoad(h_in4, texel(row_$r + k));
    //@end
    //@unroll i 0 TM
    let x$i = subgroupBroadcast(a$(i/8), $(i%8)u);
    //@end
    //@unroll g 0 4
    {
      //@unroll q 0 4
      let w$q = textureLoad(w4, texel((k * 4u + $(q)u) * params.h + $(g)u * h4 + column));
      //@end
      //@unroll i 0 TM
      z$i_$g = fma(vec4f(x$i.w), w3, fma(vec4f(x$i.z), w2, fma(vec4f(x$i.y), w1, fma(vec4f(x$i.x), w0, z$i_$g))));
      //@end
    }
    //@end
  }
  //@unroll i 0 TM
  cell(row + $(i)u, unit, z$i_0, z$i_1, z$i_2, z$i_3);
  //@end
}

@group(0) @binding(0) var<storage, read> gates_in: array<f32>;
@group(0) @binding(1) var<storage, read> cs_in: array<f32>;
@group(0) @binding(2) var<storage, read> c0_in: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> w_back: array<f32>;
@group(0) @binding(5) var<storage, read> dz_in: array<f32>;
@group(0) @binding(6) var<storage, read> dc_in: array<f32>;
@group(0) @binding(7) var<storage, read_write> dz_out: array<f32>;
@group(0) @binding(8) var<storage, read_write> dc_out: array<f32>;
@group(0) @binding(9) var<storage, read_write> dz: array<f32>;

// Gradients of the cell in vectors: dz of the four gates, and dc for the step before
struct CellGrad { i: vec4f, f: vec4f, g: vec4f, o: vec4f, c: vec4f }

fn cell_backward(dh: vec4f, dc_next: vec4f, c: vec4f, c_before: vec4f, i: vec4f, f: vec4f, g: vec4f, o: vec4f) -> CellGrad {
  let tc = tanh4(c);
  let dc = dc_next + dh * o * (1.0 - tc * tc);
  return CellGrad(dc * g * i * (1.0 - i), dc * c_before * f * (1.0 - f), dc * i * (1.0 - g * g), dh * tc * o * (1.0 - o), dc * f);
}

@compute @workgroup_size(32)
fn backward_step(@builtin(global_invocation_id) id: vec3u) {
  let H = params.h;
  let unit = id.x;
  if (unit >= H) { return; }
  let row = id.y * params.steps + params.t;
  let at = id.y * H + unit;
  var dh = dy[row * H + unit];
  for (var k = 0u; k < 4u * H; k++) { dh = fma(dz_in[id.y * 4u * H + k], w_back[k * H + unit], dh); }
  var before = c0_in[at];
  if (params.t > 0u) { before = cs_in[(row - 1u) * H + unit]; }
  let base = row * 4u * H + unit;
  let d = cell_backward(vec4f(dh), vec4f(dc_in[at]), vec4f(cs_in[row * H + unit]), vec4f(before),
    vec4f(gates_in[base]), vec4f(gates_in[base + H]), vec4f(gates_in[base + 2u * H]), vec4f(gates_in[base + 3u * H]));
  let next = id.y * 4u * H + unit;
  dz_out[next] = d.i.x;
  dz_out[next + H] = d.f.x;
  dz_out[next + 2u * H] = d.g.x;
  dz_out[next + 3u * H] = d.o.x;
  dc_out[at] = d.c.x;
  dz[base] = d.i.x;
  dz[base + H] = d.f.x;
  dz[base + 2u * H] = d.g.x;
  dz[base + 3u * H] = d.o.x;
}

@group(0) @binding(0) var gates_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var cs_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var c0_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var dy4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var w_back4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var dz_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var dc_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var dz_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(8) var dc_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(9) var<storage, read_write> dz4: array<vec4f>;

fn cell_backward_at(b: u32, unit: u32, recurrent: vec4f) {
  let h4 = params.h / 4u;
  if (b >= params.b || unit >= h4) { return; }
  let row = b * params.steps + params.t;
  let at = b * h4 + unit;
  let base = row * params.h + unit;
  var before = textureLoad(c0_in4, texel(at));
  if (params.t > 0u) { before = textureLoad(cs_in4, texel((row - 1u) * h4 + unit)); }
  let d = cell_backward(recurrent + textureLoad(dy4, texel(row * h4 + unit)), textureLoad(dc_in4, texel(at)),
    textureLoad(cs_in4, texel(row * h4 + unit)), before,
    textureLoad(gates_in4, texel(base)), textureLoad(gates_in4, texel(base + h4)),
    textureLoad(gates_in4, texel(base + 2u * h4)), textureLoad(gates_in4, texel(base + 3u * h4)));
  let next = b * params.h + unit;
  textureStore(dz_out4, texel(next), d.i);
  textureStore(dz_out4, texel(next + h4), d.f);
  textureStore(dz_out4, texel(next + 2u * h4), d.g);
  textureStore(dz_out4, texel(next + 3u * h4), d.o);
  textureStore(dc_out4, texel(at), d.c);
  dz4[base] = d.i;
  dz4[base + h4] = d.f;
  dz4[base + 2u * h4] = d.g;
  dz4[base + 3u * h4] = d.o;
}

@compute @workgroup_size(8)
fn lane_backward_step(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let h4 = params.h / 4u;
  let unit = group.x * 8u + lane;
  let row = group.y * TM;
  let column = min(unit, h4 - 1u);
  //@unroll r 0 TM/8
  let row_$r = min(row + $(r*8)u + lane, params.b - 1u) * params.h;
  //@end
  //@unroll i 0 TM
  var d$i = vec4f();
  //@end
  for (var k = 0u; k < params.h; k++) {
    //@unroll r 0 TM/8
    let a$r = textureLoad(dz_in4, texel(row_$r + k));
    //@end
    //@unroll q 0 4
    let w$q = textureLoad(w_back4, texel((k * 4u + $(q)u) * h4 + column));
    //@end
    //@unroll i 0 TM
    let x$i = subgroupBroadcast(a$(i/8), $(i%8)u);
    d$i = fma(vec4f(x$i.w), w3, fma(vec4f(x$i.z), w2, fma(vec4f(x$i.y), w1, fma(vec4f(x$i.x), w0, d$i))));
    //@end
  }
  //@unroll i 0 TM
  cell_backward_at(row + $(i)u, unit, d$i);
  //@end
}

// out[b] = in[b, t]: the last hidden or cell state
@group(0) @binding(0) var<storage, read> sequence: array<f32>;
@group(0) @binding(1) var<storage, read_write> slice: array<f32>;

@compute @workgroup_size(64)
fn take_step(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.h) { return; }
  slice[id.y * params.h + id.x] = sequence[(id.y * params.steps + params.t) * params.h + id.x];
}
