// packed products of decoding (meaning: packed_matmul.wgsl) for adapters with subgroups of 8 lanes
// a: [R, K], R rows in use; w: [K, N]; both in textures, vec4 texels; epilogues: lib/packed_store.wgsl
// grid: x = N / 64, y = R / TM workgroups; a workgroup is one subgroup: each lane loads an eighth of the rows' values and
//   broadcasts them
// cost: 2 R K N FLOP, 4 R K N (1 / 64 + 1 / TM) bytes; 28-43 GFLOP/s at R = 800, K = 256, about twice those of
//   packed_matmul.wgsl (llvmpipe on 2 cores, busy with other work)
//@include texture
//@include packed_store
override NORM: u32 = 0;
const TM = 16u;
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

fn product(at: Place, lane: u32) -> Tile {
  let last = max(counts[params.rows], 1u) - 1u;
  //@unroll g 0 TM/8
  let row$g = min(at.row + $(g * 8)u + lane, last) * params.k4;
  var squares$g = 0.0;
  //@end
  let at0 = min(at.col0, params.n4 - 1u);
  let at1 = min(at.col1, params.n4 - 1u);
  var tile: Tile;
  //@unroll i 0 TM
  var c$(i)_0 = vec4f();
  var c$(i)_1 = vec4f();
  //@end
  for (var k = 0u; k < params.k4; k++) {
    //@unroll g 0 TM/8
    let a$g = textureLoad(a, texel(row$g + k));
    if (NORM == 1u) { squares$g += dot(a$g, a$g); }
    //@end
    //@unroll q 0 4
    let w$(q)_0 = textureLoad(w, texel(at0 + (k * 4u + $(q)u) * params.n4));
    let w$(q)_1 = textureLoad(w, texel(at1 + (k * 4u + $(q)u) * params.n4));
    //@end
    //@unroll i 0 TM
    let x$i = subgroupBroadcast(a$(i/8), $(i%8)u);
    //@unroll j 0 2
    c$(i)_$j = fma(vec4f(x$i.w), w3_$j, fma(vec4f(x$i.z), w2_$j, fma(vec4f(x$i.y), w1_$j, fma(vec4f(x$i.x), w0_$j, c$(i)_$j))));
    //@end
    //@end
  }
  //@unroll g 0 TM/8
  let scale$g = select(1.0, inverseSqrt(squares$g / f32(params.k4 * 4u) + params.eps), NORM == 1u);
  //@end
  //@unroll i 0 TM
  let s$i = subgroupBroadcast(scale$(i/8), $(i%8)u);
  tile.c$(i)_0 = s$i * c$(i)_0;
  tile.c$(i)_1 = s$i * c$(i)_1;
  //@end
  return tile;
}

@compute @workgroup_size(8)
fn heads(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let at = place(group, lane);
  store_heads(product(at, lane), at);
}

@compute @workgroup_size(8)
fn residual(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let at = place(group, lane);
  store_sums(product(at, lane), at);
}

@compute @workgroup_size(8)
fn gated(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let at = place(group, lane);
  store_gated(product(at, lane), at);
}

@compute @workgroup_size(8)
fn vocabulary(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let at = place(group, lane);
  store_logits(product(at, lane), at);
}
