// One time step of one LSTM layer; xg holds x W_ih^T + b_ih + b_hh of all steps, gates in PyTorch's order i, f, g, o:
//   z = xg_t + h_{t-1} W_hh^T;  i, f, o = sigmoid, g = tanh;  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t)
// backward, t from the last step: dh = dy_t + dz_{t+1} W_hh;  dc = dc_{t+1} f_{t+1} + dh o (1 - tanh^2 c_t);
//   dz_i = dc g i (1 - i), dz_f = dc c_{t-1} f (1 - f), dz_g = dc i (1 - g^2), dz_o = dh tanh(c_t) o (1 - o)
// xg, gates, dz: [B,T,4H]; y, cs, dy, before (h_{t-1} of every step): [B,T,H]; w_hh: [4H,H]; h, c, dc: [B,H]
// step, backward_step: one lane per (b, hidden unit), any size; the reference of lstm_block.wgsl and lstm_subgroup.wgsl
// cost a step: 8 B H^2 FLOP forward, as much backward, and 4 (4 H^2 + 15 B H) bytes; at B = 64, H = 128 8.4 MFLOP and
//   0.75 MB; backward_step takes 8 ms, 1 GFLOP/s, 1 % of the peak (llvmpipe on 2 cores of an AMD EPYC): every lane
//   loads all of its weights from a buffer
//@include lstm_cell
//@include lstm_store
override SAVE: u32 = 1; // keep gates and hidden states for backward
struct Params { b: u32, t: u32, steps: u32, h: u32 }

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
  store_step(id.y, unit, z);
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

@compute @workgroup_size(32)
fn backward_step(@builtin(global_invocation_id) id: vec3u) {
  let H = params.h;
  let unit = id.x;
  if (unit >= H) { return; }
  let row = id.y * params.steps + params.t;
  var dh = dy[row * H + unit];
  for (var k = 0u; k < 4u * H; k++) { dh = fma(dz_in[id.y * 4u * H + k], w_back[k * H + unit], dh); }
  store_backward_step(id.y, unit, dh);
}

// out[b] = in[b, t]: the last hidden or cell state
@group(0) @binding(0) var<storage, read> sequence: array<f32>;
@group(0) @binding(1) var<storage, read_write> slice: array<f32>;

@compute @workgroup_size(64)
fn take_step(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.h) { return; }
  slice[id.y * params.h + id.x] = sequence[(id.y * params.steps + params.t) * params.h + id.x];
}
