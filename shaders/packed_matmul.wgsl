// packed products of decoding: y = epilogue(a w / rms(a)) for the rows in use, for any adapter
// a: [R, K], R rows in use, packed over samples; w: [K, N] (a PyTorch weight transposed); both in textures, vec4 texels
// counts[rows] = R is known on the device only; rows: [R] of (stream, slot, cell, limit), see decode_plan.wgsl
// with NORM, rows are divided by their root mean square (RMSNorm; its gain is folded into w): y = a w / rms(a)
// epilogues (lib/packed_store.wgsl): heads turns queries and keys at their cells and writes keys and values into the
//   caches [S, slots, C]; residual adds to x; gated is SwiGLU; vocabulary writes logits [R, N]
// grid: x = N / 64, y = R / TM workgroups; the 8 lanes of a workgroup load the same texels of a, which a cache hands to all
// cost: 2 R K N FLOP, 4 R K N (1 / 64 + 1 / TM) bytes; not tuned: 19-20 GFLOP/s at R = 800, K = 256 (llvmpipe on 2 cores)
//@include texture
//@include packed_store
override NORM: u32 = 0;
const TM = 8u;
struct Params { rows: u32, k4: u32, n4: u32, section4: u32, first: u32, slots: u32, head4: u32, eps: f32 }

@group(0) @binding(0) var a: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var w: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read> counts: array<u32>;

@group(0) @binding(3) var<storage, read> rows: array<vec4i>;
@group(0) @binding(4) var rotary: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var q_out: texture_storage_2d<rgba32float, write>;
@group(0) @binding(6) var k_out: texture_storage_2d<rgba32float, write>;
@group(0) @binding(7) var v_out: texture_storage_2d<rgba32float, write>;

@group(0) @binding(3) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var y: texture_storage_2d<rgba32float, write>;

@group(0) @binding(3) var hidden: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var<storage, read_write> logits: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn product(at: Place) -> Tile {
  let last = max(counts[params.rows], 1u) - 1u;
  let at0 = min(at.col0, params.n4 - 1u);
  let at1 = min(at.col1, params.n4 - 1u);
  var tile: Tile;
  //@unroll i 0 TM
  let row$i = min(at.row + $(i)u, last) * params.k4;
  var squares$i = 0.0;
  var c$(i)_0 = vec4f();
  var c$(i)_1 = vec4f();
  //@end
  for (var k = 0u; k < params.k4; k++) {
    //@unroll q 0 4
    let w$(q)_0 = textureLoad(w, texel(at0 + (k * 4u + $(q)u) * params.n4));
    let w$(q)_1 = textureLoad(w, texel(at1 + (k * 4u + $(q)u) * params.n4));
    //@end
    //@unroll i 0 TM
    let x$i = textureLoad(a, texel(row$i + k));
    if (NORM == 1u) { squares$i += dot(x$i, x$i); }
    //@unroll j 0 2
    c$(i)_$j = fma(vec4f(x$i.w), w3_$j, fma(vec4f(x$i.z), w2_$j, fma(vec4f(x$i.y), w1_$j, fma(vec4f(x$i.x), w0_$j, c$(i)_$j))));
    //@end
    //@end
  }
  //@unroll i 0 TM
  let s$i = select(1.0, inverseSqrt(squares$i / f32(params.k4 * 4u) + params.eps), NORM == 1u);
  tile.c$(i)_0 = s$i * c$(i)_0;
  tile.c$(i)_1 = s$i * c$(i)_1;
  //@end
  return tile;
}

@compute @workgroup_size(8)
fn heads(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  store_heads(product(at), at);
}

@compute @workgroup_size(8)
fn residual(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  store_sums(product(at), at);
}

@compute @workgroup_size(8)
fn gated(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  store_gated(product(at), at);
}

@compute @workgroup_size(8)
fn vocabulary(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  store_logits(product(at), at);
}
