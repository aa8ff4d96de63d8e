// attention of the rows of a decoding step to their streams' caches (layout of rows: decode_plan.wgsl):
// o_r = sum_j p_rj v_j, p = softmax over the slots j < limit_r of <q_r, k_j> / sqrt(D), an online softmax
// q, o: [rows, H D]; k, v: [S, slots, H D], vec4 texels; D = 4 D4
// one lane per row and head: a workgroup has `per` rows; grid x over their heads, y over the rows
// cost: 4 D limit FLOP and 8 D limit bytes a row and head (half of them from float16 caches)
//@include texture
const D4 = 8u;
struct Params { rows: u32, per: u32, heads: u32, slots: u32, scale: f32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var q: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var k: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var v: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read> rows: array<vec4i>;
@group(0) @binding(5) var o: texture_storage_2d<rgba32float, write>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let flat = group.x * 8u + lane;
  let row = group.y * params.per + flat / params.heads;
  if (flat >= params.per * params.heads || row >= counts[params.rows]) { return; }
  let head = flat % params.heads;
  let own = row * params.heads + head;
  let at = rows[row];
  //@unroll d 0 D4
  let q$d = params.scale * textureLoad(q, texel(own * D4 + $(d)u));
  var o$d = vec4f();
  //@end
  var m = LOWEST;
  var l = 0.0;
  let stride = params.heads * D4;
  var key = u32(at.x) * params.slots * stride + head * D4;
  for (var j = 0; j < at.w; j++) {
    var s = 0.0;
    //@unroll d 0 D4
    s += dot(q$d, textureLoad(k, texel(key + $(d)u)));
    //@end
    let before = m;
    m = max(m, s);
    let keep = exp(before - m);
    let p = exp(s - m);
    l = keep * l + p;
    //@unroll d 0 D4
    o$d = keep * o$d + p * textureLoad(v, texel(key + $(d)u));
    //@end
    key += stride;
  }
  let inverse = 1.0 / l;
  //@unroll d 0 D4
  textureStore(o, texel(own * D4 + $(d)u), inverse * o$d);
  //@end
}
