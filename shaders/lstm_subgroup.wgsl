// One time step of one LSTM layer for adapters with subgroups of 8, and the gradients of its weights; formulas: lstm.wgsl
// x: [B,T,I]; w_ih: [4H,I]; w_hh: [4H,H]; b_ih, b_hh: [4H]; gates, dz: [B,T,4H]; y, cs, dy, before: [B,T,H];
//   h, c, dc, last (the cell state after the last step): [B,H]; H and I divisible by 4
// a workgroup is one subgroup; in the steps a lane owns rows of the batch, and the weights, which all lanes need, are
//   loaded by an eighth per lane and broadcast; operands lie in textures as they are: nothing is transposed
// cost at B = 64, H = I = 128, T = 1: least times of 25 rounds, of which a launch is 0.04 ms, beside the recorded peak of
//   134 GFLOP/s and 4.1 GB/s (llvmpipe on 2 cores of an AMD EPYC, busy with other work):
//   lane_step: 8 B H (I + H) = 16.8 MFLOP, 0.7 MB, 0.32 ms: 39 %; saving for backward takes 0.06 ms more
//   lane_backward_step: 8 B H^2 = 8.4 MFLOP, 0.9 MB, 0.3 ms: 21 %; the last step no FLOP, 0.4 MB, 0.13 ms: 80 % of memory's
//   lane_weights: 8 B T H N = 8.4 MFLOP, 0.4 MB, 0.19 ms: 33 %; by the price of a store, storing dw is about half of it
//@include lstm_cell
//@include texture
override SAVE: u32 = 1; // keep gates and cell states for backward
override ADD: u32 = 0; // gradients of weights add to what an earlier launch wrote
override BIAS: u32 = 0; // write the gradient of the biases too
const TB = 4u;
struct Params {
  b: u32, t: u32, steps: u32, h: u32, input: u32,
  has_dy: u32, has_dc: u32, // 0 where nothing depends on the output
  n: u32, start: u32, end: u32, // gradients of weights: columns, rows of the sum
}

@group(1) @binding(0) var<uniform> params: Params;

// lane_step: a workgroup owns four hidden units with all their gates x 8 TB rows, and sums x W_ih^T and h W_hh^T in
// registers, where the cell then runs
@group(0) @binding(0) var x4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var w_ih4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var w_hh4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read> b_ih4: array<vec4f>;
@group(0) @binding(4) var<storage, read> b_hh4: array<vec4f>;
@group(0) @binding(5) var h_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var c_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var h_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(8) var c_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(9) var<storage, read_write> y4: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> last4: array<vec4f>;
@group(0) @binding(11) var gates4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(12) var cs4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(13) var before4: texture_storage_2d<rgba32float, write>;

fn cell(b: u32, unit: u32, i: vec4f, f: vec4f, g: vec4f, o: vec4f) {
  if (b >= params.b) { return; }
  let h4 = params.h / 4u;
  let at = b * h4 + unit;
  let row = b * params.steps + params.t;
  let zi = sigmoid4(i);
  let zf = sigmoid4(f);
  let zg = tanh4(g);
  let zo = sigmoid4(o);
  let c = zf * textureLoad(c_in4, texel(at)) + zi * zg;
  let h = zo * tanh4(c);
  y4[row * h4 + unit] = h;
  if (params.t + 1u == params.steps) {
    last4[at] = c;
  } else {
    textureStore(h_out4, texel(at), h);
    textureStore(c_out4, texel(at), c);
  }
  if (SAVE == 1u) {
    let base = row * params.h + unit; // of gate i, in vec4; each gate is h4 further
    textureStore(gates4, texel(base), zi);
    textureStore(gates4, texel(base + h4), zf);
    textureStore(gates4, texel(base + 2u * h4), zg);
    textureStore(gates4, texel(base + 3u * h4), zo);
    if (params.steps > 1u) {
      textureStore(cs4, texel(row * h4 + unit), c);
      textureStore(before4, texel(row * h4 + unit), textureLoad(h_in4, texel(at)));
    }
  }
}

@compute @workgroup_size(8)
fn lane_step(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let h4 = params.h / 4u;
  let i4 = params.input / 4u;
  let unit = group.x;
  let row = group.y * $(TB*8)u + lane;
  let bias = b_ih4[lane % 4u * h4 + unit] + b_hh4[lane % 4u * h4 + unit];
  // Of the 16 rows of weights, 4 gates x 4 units, a lane loads two: gates lane / 4 and two further.
  let weight = lane / 4u * params.h + unit * 4u + lane % 4u;
  //@unroll j 0 TB
  let row_$j = min(row + $(j*8)u, params.b - 1u);
  //@end
  //@unroll g 0 4
  //@unroll j 0 TB
  var z$g_$j = subgroupBroadcast(bias, $(g)u);
  //@end
  //@end
  for (var k = 0u; k < i4; k++) {
    let a0 = textureLoad(w_ih4, texel(weight * i4 + k));
    let a1 = textureLoad(w_ih4, texel((weight + 2u * params.h) * i4 + k));
    //@unroll j 0 TB
    let v$j = textureLoad(x4, texel((row_$j * params.steps + params.t) * i4 + k));
    //@end
    //@unroll g 0 4
    {
      //@unroll q 0 4
      let w$q = subgroupBroadcast(a$(g/2), $((g%2)*4+q)u);
      //@end
      //@unroll j 0 TB
      z$g_$j += vec4f(dot(w0, v$j), dot(w1, v$j), dot(w2, v$j), dot(w3, v$j));
      //@end
    }
    //@end
  }
  for (var k = 0u; k < h4; k++) {
    let a0 = textureLoad(w_hh4, texel(weight * h4 + k));
    let a1 = textureLoad(w_hh4, texel((weight + 2u * params.h) * h4 + k));
    //@unroll j 0 TB
    let v$j = textureLoad(h_in4, texel(row_$j * h4 + k));
    //@end
    //@unroll g 0 4
    {
      //@unroll q 0 4
      let w$q = subgroupBroadcast(a$(g/2), $((g%2)*4+q)u);
      //@end
      //@unroll j 0 TB
      z$g_$j += vec4f(dot(w0, v$j), dot(w1, v$j), dot(w2, v$j), dot(w3, v$j));
      //@end
    }
    //@end
  }
  //@unroll j 0 TB
  cell(row + $(j*8)u, unit, z0_$j, z1_$j, z2_$j, z3_$j);
  //@end
}

// lane_backward_step: a workgroup owns 16 hidden units x 8 rows and sums dz_{t+1} W_hh, of which the last step has none
@group(0) @binding(0) var gates_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var cs_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var c0_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var dy4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var w_back4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var dz_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var dc_in4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var dz_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(8) var dc_out4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(9) var dz4: texture_storage_2d<rgba32float, write>;
@group(0) @binding(10) var<storage, read_write> dc0_4: array<vec4f>;

fn cell_backward_at(b: u32, unit: u32, recurrent: vec4f) {
  let h4 = params.h / 4u;
  if (b >= params.b || unit >= h4) { return; }
  let row = b * params.steps + params.t;
  let at = b * h4 + unit;
  let base = row * params.h + unit;
  var dh = recurrent;
  if (params.has_dy == 1u) { dh += textureLoad(dy4, texel(row * h4 + unit)); }
  var dc = vec4f();
  if (params.has_dc == 1u) { dc = textureLoad(dc_in4, texel(at)); }
  var before = vec4f();
  if (params.t > 0u) {
    before = textureLoad(cs_in4, texel((row - 1u) * h4 + unit));
  } else {
    before = textureLoad(c0_in4, texel(at));
  }
  let d = cell_backward(dh, dc, textureLoad(cs_in4, texel(row * h4 + unit)), before,
    textureLoad(gates_in4, texel(base)), textureLoad(gates_in4, texel(base + h4)),
    textureLoad(gates_in4, texel(base + 2u * h4)), textureLoad(gates_in4, texel(base + 3u * h4)));
  textureStore(dz4, texel(base), d.i);
  textureStore(dz4, texel(base + h4), d.f);
  textureStore(dz4, texel(base + 2u * h4), d.g);
  textureStore(dz4, texel(base + 3u * h4), d.o);
  if (params.steps > 1u) {
    let next = b * params.h + unit;
    textureStore(dz_out4, texel(next), d.i);
    textureStore(dz_out4, texel(next + h4), d.f);
    textureStore(dz_out4, texel(next + 2u * h4), d.g);
    textureStore(dz_out4, texel(next + 3u * h4), d.o);
  }
  if (params.t > 0u) {
    textureStore(dc_out4, texel(at), d.c);
  } else {
    dc0_4[at] = d.c;
  }
}

@compute @workgroup_size(8)
fn lane_backward_step(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let h4 = params.h / 4u;
  let unit = group.x * 4u;
  let row = group.y * 8u + lane;
  let at = min(row, params.b - 1u) * params.h;
  // Of four rows of weights x four vec4, a lane loads two: row lane % 4, vec4 lane / 4 and two further.
  let weight0 = lane % 4u * h4 + min(unit + lane / 4u, h4 - 1u);
  let weight1 = lane % 4u * h4 + min(unit + 2u + lane / 4u, h4 - 1u);
  //@unroll u 0 4
  var d$u = vec4f();
  //@end
  let turns = select(0u, params.h, params.t + 1u < params.steps);
  for (var k = 0u; k < turns; k++) {
    let a0 = textureLoad(w_back4, texel(weight0 + k * params.h));
    let a1 = textureLoad(w_back4, texel(weight1 + k * params.h));
    let v = textureLoad(dz_in4, texel(at + k));
    //@unroll u 0 4
    {
      //@unroll q 0 4
      let w$q = subgroupBroadcast(a$(u/2), $((u%2)*4+q)u);
      //@end
      d$u = fma(vec4f(v.w), w3, fma(vec4f(v.z), w2, fma(vec4f(v.y), w1, fma(vec4f(v.x), w0, d$u))));
    }
    //@end
  }
  //@unroll u 0 4
  cell_backward_at(row, unit + $(u)u, d$u);
  //@end
}

// lane_weights: dw[4H,N] = sum over rows of dz^T u, and the column sums of dz; a workgroup owns 16 rows x 64 columns of dw
//   u: x [B,T,N], or before [B,T,N], the hidden state before every step
@group(0) @binding(0) var dz_rows4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var u4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read_write> dw4: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> db4: array<vec4f>;

@compute @workgroup_size(8)
fn lane_weights(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let n4 = params.n / 4u;
  let row = group.y * 16u;
  // The 16 rows of four steps of the sum are 16 vec4 of dz; a lane loads two: steps lane / 4 and two further.
  let column = group.y * 4u + lane % 4u;
  //@unroll j 0 2
  let col_$j = (group.x * 2u + $(j)u) * 8u + lane;
  let at_$j = min(col_$j, n4 - 1u);
  //@end
  //@unroll i 0 16
  //@unroll j 0 2
  var c$i_$j = vec4f();
  //@end
  //@end
  var s0 = vec4f();
  var s1 = vec4f();
  for (var k = params.start; k < params.end; k += 4u) {
    //@unroll g 0 2
    let k$g = k + $(g*2)u + lane / 4u;
    let loaded$g = textureLoad(dz_rows4, texel(min(k$g, params.end - 1u) * params.h + column));
    let a$g = select(vec4f(), loaded$g, k$g < params.end);
    s$g += a$g;
    //@end
    //@unroll q 0 4
    //@unroll j 0 2
    let w$q_$j = textureLoad(u4, texel(min(k + $(q)u, params.end - 1u) * n4 + at_$j));
    //@end
    //@end
    //@unroll i 0 4
    //@unroll q 0 4
    let v$i_$q = subgroupBroadcast(a$(q/2), $((q%2)*4+i)u);
    //@end
    //@unroll s 0 4
    //@unroll j 0 2
    c$(i*4+s)_$j = fma(vec4f(v$i_3[$s]), w3_$j, fma(vec4f(v$i_2[$s]), w2_$j, fma(vec4f(v$i_1[$s]), w1_$j, fma(vec4f(v$i_0[$s]), w0_$j, c$(i*4+s)_$j))));
    //@end
    //@end
    //@end
  }
  //@unroll i 0 16
  //@unroll j 0 2
  if (col_$j < n4) { store_weight((row + $(i)u) * n4 + col_$j, c$i_$j); }
  //@end
  //@end
  if (BIAS == 1u) {
    //@unroll i 0 4
    let bias_$i = subgroupBroadcast(s0, $(i)u) + subgroupBroadcast(s0, $(i+4)u) + subgroupBroadcast(s1, $(i)u) + subgroupBroadcast(s1, $(i+4)u);
    if (group.x == 0u && lane == 0u) { store_bias(group.y * 4u + $(i)u, bias_$i); }
    //@end
  }
}

fn store_weight(at: u32, value: vec4f) {
  if (ADD == 1u) { dw4[at] += value; } else { dw4[at] = value; }
}

fn store_bias(at: u32, value: vec4f) {
  if (ADD == 1u) { db4[at] += value; } else { db4[at] = value; }
}
