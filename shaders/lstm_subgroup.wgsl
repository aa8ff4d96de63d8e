// One time step of one LSTM layer for adapters with subgroups of 8, with the formulas and names of lstm.wgsl
// xg, gates, dz: [B,T,4H]; y, cs, dy, before: [B,T,H]; w_hh: [4H,H] backward, its transpose [H,4H] forward, so that
//   neighbouring lanes load neighbouring texels; h, c, dc: [B,H]
// lane_step, lane_backward_step: H divisible by 4, what is read again and again in textures; a workgroup is one subgroup
//   and owns TM rows x 32 hidden units with all their gates, so that the cell runs in registers
// cost a step: 8 B H^2 FLOP forward, as much backward; at B = 64, H = 128 the tiles take 0.76 and 0.70 ms, 11-12 GFLOP/s
//   (llvmpipe on 2 cores of an AMD EPYC, multiply-add peak 57 GFLOP/s)
//@include lstm_cell
//@include texture
override SAVE: u32 = 1; // keep gates and hidden states for backward
const TM = 16u;
struct Params { b: u32, t: u32, steps: u32, h: u32 }

@group(1) @binding(0) var<uniform> params: Params;

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
