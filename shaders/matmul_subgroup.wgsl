// matmul for adapters with subgroups of 8 that load textures faster than buffers, with the meaning of matmul.wgsl:
//   c[b,m,n] = act(sum_k a[b,m,k] * w[b,k,n] + bias[n]), with a and w stored as they are or transposed
// lane_nn, lane_nt, lane_tn: sizes divisible by 4, operands in textures (row-major vec4, see lib/texture.wgsl: a storage
//   buffer's load costs such an adapter twenty times as much); a workgroup is one subgroup and owns TM rows x 32 TN
//   columns; each lane loads an eighth of the rows' values and broadcasts them
// a: [B,M,K] or [B,K,M]; w: [B,K,N] or [B,N,K], batch stride 0 broadcasts; c: [B,M,N]; grid z = B
// k runs from k_start to k_end; ADD adds to c: a long sum takes several launches (llvmpipe ends loops at 65535 turns)
// cost: 2 B M N K FLOP; in a training step (4096 rows, llvmpipe on 2 cores of an AMD EPYC, multiply-add peak 57 GFLOP/s):
//   lane_nn 27-36, lane_tn 27-33, lane_nt 19 GFLOP/s; by CPU time, lane_nn 35 at 512
//@include epilogue
//@include texture
override BIAS: u32 = 0;
override ADD: u32 = 0;
const TM = 16u;
const TN = 2u;
struct Params {
  m: u32, n: u32, k_start: u32, k_end: u32,
  a_batch: u32, w_batch: u32,  // elements between matrices
  a_row: u32, a_k: u32, w_k: u32, w_col: u32,  // element strides, naive only
  k: u32, batch: u32,
}

@group(0) @binding(0) var a4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var w4: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read> bias4: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> c4: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn store(value: vec4f, batch: u32, row: u32, col: u32) {
  if (row >= params.m || col >= params.n / 4u) { return; }
  let out = (batch * params.m + row) * (params.n / 4u) + col;
  var z = value;
  if (ADD == 1u) { z += c4[out]; }
  if (BIAS == 1u) { z += bias4[col]; }
  c4[out] = activate(z);
}

@compute @workgroup_size(8)
fn lane_nn(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let k4 = params.k / 4u;
  let n4 = params.n / 4u;
  let row = group.y * TM;
  let a_base = group.z * params.a_batch / 4u;
  let w_base = group.z * params.w_batch / 4u;
  //@unroll g 0 TM/8
  let row_$g = a_base + min(row + $(g*8)u + lane, params.m - 1u) * k4;
  //@end
  //@unroll j 0 TN
  let col_$j = (group.x * TN + $(j)u) * 8u + lane;
  let at_$j = w_base + min(col_$j, n4 - 1u);
  //@end
  //@unroll i 0 TM
  //@unroll j 0 TN
  var c$i_$j = vec4f();
  //@end
  //@end
  for (var k = params.k_start / 4u; k < params.k_end / 4u; k++) {
    //@unroll g 0 TM/8
    let a$g = textureLoad(a4, texel(row_$g + k));
    //@end
    //@unroll q 0 4
    //@unroll j 0 TN
    let w$q_$j = textureLoad(w4, texel(at_$j + (k * 4u + $(q)u) * n4));
    //@end
    //@end
    //@unroll i 0 TM
    let x$i = subgroupBroadcast(a$(i/8), $(i%8)u);
    //@unroll j 0 TN
    c$i_$j = fma(vec4f(x$i.w), w3_$j, fma(vec4f(x$i.z), w2_$j, fma(vec4f(x$i.y), w1_$j, fma(vec4f(x$i.x), w0_$j, c$i_$j))));
    //@end
    //@end
  }
  //@unroll i 0 TM
  //@unroll j 0 TN
  store(c$i_$j, group.z, row + $(i)u, col_$j);
  //@end
  //@end
}

@compute @workgroup_size(8)
fn lane_nt(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let k4 = params.k / 4u;
  let n4 = params.n / 4u;
  let row = group.y * TM;
  let a_base = group.z * params.a_batch / 4u;
  let w_base = group.z * params.w_batch / 4u;
  //@unroll g 0 TM/8
  let row_$g = a_base + min(row + $(g*8)u + lane, params.m - 1u) * k4;
  //@end
  //@unroll j 0 TN
  let col_$j = (group.x * TN + $(j)u) * 8u + lane;
  let at_$j = w_base + min(col_$j, n4 - 1u) * 4u * k4;
  //@end
  //@unroll i 0 TM
  //@unroll j 0 TN
  var c$i_$j = vec4f();
  //@end
  //@end
  for (var k = params.k_start / 4u; k < params.k_end / 4u; k++) {
    //@unroll g 0 TM/8
    let a$g = textureLoad(a4, texel(row_$g + k));
    //@end
    //@unroll j 0 TN
    //@unroll q 0 4
    let y$q_$j = textureLoad(w4, texel(at_$j + $(q)u * k4 + k));
    //@end
    let w0_$j = vec4f(y0_$j.x, y1_$j.x, y2_$j.x, y3_$j.x);
    let w1_$j = vec4f(y0_$j.y, y1_$j.y, y2_$j.y, y3_$j.y);
    let w2_$j = vec4f(y0_$j.z, y1_$j.z, y2_$j.z, y3_$j.z);
    let w3_$j = vec4f(y0_$j.w, y1_$j.w, y2_$j.w, y3_$j.w);
    //@end
    //@unroll i 0 TM
    let x$i = subgroupBroadcast(a$(i/8), $(i%8)u);
    //@unroll j 0 TN
    c$i_$j = fma(vec4f(x$i.w), w3_$j, fma(vec4f(x$i.z), w2_$j, fma(vec4f(x$i.y), w1_$j, fma(vec4f(x$i.x), w0_$j, c$i_$j))));
    //@end
    //@end
  }
  //@unroll i 0 TM
  //@unroll j 0 TN
  store(c$i_$j, group.z, row + $(i)u, col_$j);
  //@end
  //@end
}

@compute @workgroup_size(8)
fn lane_tn(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let m4 = params.m / 4u;
  let n4 = params.n / 4u;
  let row = group.y * TM;
  let a_base = group.z * params.a_batch / 4u;
  let w_base = group.z * params.w_batch / 4u;
  // The 4 x TM values of four k are TM vec4; vec4 number v sits at row v / (TM / 4) of the four.
  //@unroll g 0 TM/8
  let load_$g = a_base + (($(g*8)u + lane) / $(TM/4)u) * m4 + min(row / 4u + ($(g*8)u + lane) % $(TM/4)u, m4 - 1u);
  //@end
  //@unroll j 0 TN
  let col_$j = (group.x * TN + $(j)u) * 8u + lane;
  let at_$j = w_base + min(col_$j, n4 - 1u);
  //@end
  //@unroll i 0 TM
  //@unroll j 0 TN
  var c$i_$j = vec4f();
  //@end
  //@end
  for (var k = params.k_start / 4u; k < params.k_end / 4u; k++) {
    //@unroll g 0 TM/8
    let a$g = textureLoad(a4, texel(load_$g + k * 4u * m4));
    //@end
    //@unroll q 0 4
    //@unroll j 0 TN
    let w$q_$j = textureLoad(w4, texel(at_$j + (k * 4u + $(q)u) * n4));
    //@end
    //@end
    //@unroll i 0 TM/4
    //@unroll q 0 4
    let x$i_$q = subgroupBroadcast(a$((q*TM/4+i)/8), $((q*TM/4+i)%8)u);
    //@end
    //@unroll s 0 4
    //@unroll j 0 TN
    c$(i*4+s)_$j = fma(vec4f(x$i_3[$s]), w3_$j, fma(vec4f(x$i_2[$s]), w2_$j, fma(vec4f(x$i_1[$s]), w1_$j, fma(vec4f(x$i_0[$s]), w0_$j, c$(i*4+s)_$j))));
    //@end
    //@end
    //@end
  }
  //@unroll i 0 TM
  //@unroll j 0 TN
  store(c$i_$j, group.z, row + $(i)u, col_$j);
  //@end
  //@end
}
