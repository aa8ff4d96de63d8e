// packed products of decoding (meaning: packed_matmul.wgsl) for GPUs: y = epilogue(a w / rms(a)) for the rows in use
// a: [R, K], R rows in use; w: [K, N]; both in textures, vec4 texels; epilogues: lib/packed_store.wgsl
// A workgroup of 8 x 16 lanes owns 16 TM rows x 64 columns and walks k in slabs of 16, which its lanes bring into
//   workgroup memory (the next slab while this one is summed up); a lane owns TM rows x 2 vec4
// grid: x = N / 64, y = R / 16 TM workgroups
// cost: 2 R K N FLOP, 4 R K N (1 / 64 + 1 / 16 TM) bytes (half of what w takes where it is float16); not measured on a GPU
//@include texture
//@include packed_store
override NORM: u32 = 0;
const TM = 4u;
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

var<workgroup> a_slab: array<vec4f, $(64 * TM)>; // rows by quads of k
var<workgroup> w_slab: array<vec4f, 256>; // k by quads of columns

fn load_a(row: u32, k: u32, last: u32) -> vec4f {
  if (k >= params.k4) { return vec4f(); }
  return textureLoad(a, texel(min(row, last) * params.k4 + k));
}

fn load_w(k: u32, col: u32) -> vec4f {
  if (k >= params.k4 * 4u) { return vec4f(); }
  return textureLoad(w, texel(k * params.n4 + min(col, params.n4 - 1u)));
}

// Where a lane stands in the grid of 8 x 16 lanes
fn block_place(group: vec3u, lane: u32) -> Place {
  return place(vec3u(group.x, group.y * 16u + lane / 8u, 0u), lane % 8u);
}

fn product(group: vec3u, lane: u32) -> Tile {
  let last = max(counts[params.rows], 1u) - 1u;
  let load_row = group.y * $(16 * TM)u + lane / 4u;
  let load_col = group.x * 16u + lane % 16u;
  var tile: Tile;
  //@unroll i 0 TM
  var squares$i = 0.0;
  var c$(i)_0 = vec4f();
  var c$(i)_1 = vec4f();
  //@end
  //@unroll g 0 TM/2
  var a_next$g = load_a(load_row + $(32 * g)u, lane % 4u, last);
  //@end
  //@unroll g 0 2
  var w_next$g = load_w(lane / 16u + $(8 * g)u, load_col);
  //@end
  for (var k = 0u; k < params.k4; k += 4u) {
    //@unroll g 0 TM/2
    a_slab[lane + $(128 * g)u] = a_next$g;
    //@end
    //@unroll g 0 2
    w_slab[lane + $(128 * g)u] = w_next$g;
    //@end
    workgroupBarrier();
    //@unroll g 0 TM/2
    a_next$g = load_a(load_row + $(32 * g)u, k + 4u + lane % 4u, last);
    //@end
    //@unroll g 0 2
    w_next$g = load_w((k + 4u) * 4u + lane / 16u + $(8 * g)u, load_col);
    //@end
    //@unroll s 0 4
    {
      //@unroll q 0 4
      let w$(q)_0 = w_slab[$(64 * s + 16 * q)u + lane % 8u];
      let w$(q)_1 = w_slab[$(64 * s + 16 * q + 8)u + lane % 8u];
      //@end
      //@unroll i 0 TM
      let x$i = a_slab[(lane / 8u * TM + $(i)u) * 4u + $(s)u];
      if (NORM == 1u) { squares$i += dot(x$i, x$i); }
      //@unroll j 0 2
      c$(i)_$j = fma(vec4f(x$i.w), w3_$j, fma(vec4f(x$i.z), w2_$j, fma(vec4f(x$i.y), w1_$j, fma(vec4f(x$i.x), w0_$j, c$(i)_$j))));
      //@end
      //@end
    }
    //@end
    workgroupBarrier();
  }
  //@unroll i 0 TM
  let s$i = select(1.0, inverseSqrt(squares$i / f32(params.k4 * 4u) + params.eps), NORM == 1u);
  tile.c$(i)_0 = s$i * c$(i)_0;
  tile.c$(i)_1 = s$i * c$(i)_1;
  //@end
  return tile;
}

@compute @workgroup_size(128)
fn heads(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  store_heads(product(group, lane), block_place(group, lane));
}

@compute @workgroup_size(128)
fn residual(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  store_sums(product(group, lane), block_place(group, lane));
}

@compute @workgroup_size(128)
fn gated(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  store_gated(product(group, lane), block_place(group, lane));
}

@compute @workgroup_size(128)
fn vocabulary(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  store_logits(product(group, lane), block_place(group, lane));
}
