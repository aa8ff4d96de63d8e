// forward of attention (formulas and layouts: attention.wgsl) for software adapters, whose subgroup has 8 lanes; D = 4 D4
// A workgroup is one subgroup. A lane owns OWN queries and meets the keys in steps of 8 OTHER: each lane loads OTHER of
// them and broadcasts hand them round, so that 8 OWN + 8 OTHER loads serve 64 OWN OTHER products. Loads are what costs
// here (the adapter gathers lane by lane), so operands are textures (lib/texture.wgsl), the products of a step are a
// register tile made in one loop over D, and the output rows in memory, normalised by the softmax so far, are updated
// once a step.
// grid: one workgroup per head and 8 OWN queries; a lane's loop iterations: Tk / (8 OTHER) (D / 2 + 3)
// cost: 4 BH Tq Tk D FLOP, half of it where causal; at BH = 16, T = 256, D = 64 at least 28 GFLOP/s, half of the
//   multiply-add peak (57 GFLOP/s; llvmpipe on 2 cores of an AMD EPYC, busy with other work)
//@include attention_steps
//@include grid
//@include texture
const OWN = 1u;
const OTHER = 2u;
struct Params { visibility: u32, heads: u32, tq: u32, tk: u32, d: u32, batch_heads: u32, query_stride: u32, key_stride: u32, scale: f32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var q: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var k: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var v: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read> query_steps: array<i32>;
@group(0) @binding(4) var<storage, read> key_steps: array<i32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> logsumexp: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = flat_index(group, groups, 0u, 1u);
  let tiles = (params.tq - 1u) / (8u * OWN) + 1u;
  let head = tile / tiles;
  if (head >= params.batch_heads) { return; }
  let first = tile % tiles * 8u * OWN;
  let d4 = params.d / 4u;
  //@unroll r 0 OWN
  let i$r = min(first + $(8 * r)u + lane, params.tq - 1u);
  let row$r = (head * params.tq + i$r) * d4;
  let query_step$r = query_step_of(head, i$r);
  var m$r = LOWEST;
  var l$r = 0.0;
  //@end
  let end = keys_end(first + 8u * OWN);
  for (var j = 0u; j < end; j += 8u * OTHER) {
    //@unroll g 0 OTHER
    let j$g = min(j + $(8 * g)u + lane, params.tk - 1u);
    let at$g = (head * params.tk + j$g) * d4;
    let key_step$g = key_step_of(head, j$g);
    //@end
    //@unroll r 0 OWN
    //@unroll b 0 8*OTHER
    var s$(r)_$b = 0.0;
    //@end
    //@end
    for (var d = 0u; d < d4; d++) {
      //@unroll r 0 OWN
      let q$r = textureLoad(q, texel(row$r + d));
      //@end
      //@unroll g 0 OTHER
      let k$g = textureLoad(k, texel(at$g + d));
      //@unroll b 0 8
      {
        let key = subgroupBroadcast(k$g, $(b)u);
        //@unroll r 0 OWN
        s$(r)_$(8 * g + b) += dot(q$r, key);
        //@end
      }
      //@end
      //@end
    }
    //@unroll r 0 OWN
    let before$r = m$r;
    //@end
    //@unroll b 0 8*OTHER
    let step$b = subgroupBroadcast(key_step$(b / 8), $(b % 8)u);
    //@unroll r 0 OWN
    s$(r)_$b = select(LOWEST, params.scale * s$(r)_$b, j + $(b)u < params.tk && step$b <= query_step$r);
    m$r = max(m$r, s$(r)_$b);
    //@end
    //@end
    //@unroll r 0 OWN
    var keep$r = l$r * exp(before$r - m$r);
    l$r = keep$r;
    //@unroll b 0 8*OTHER
    s$(r)_$b = select(exp(s$(r)_$b - m$r), 0.0, s$(r)_$b == LOWEST);
    l$r += s$(r)_$b;
    //@end
    let inverse$r = select(1.0 / l$r, 0.0, l$r == 0.0);
    keep$r *= inverse$r;
    //@unroll b 0 8*OTHER
    s$(r)_$b *= inverse$r;
    //@end
    //@end
    for (var d = 0u; d < d4; d++) {
      //@unroll r 0 OWN
      var o$r = select(keep$r * o[row$r + d], vec4f(), j == 0u);
      //@end
      //@unroll g 0 OTHER
      let v$g = textureLoad(v, texel(at$g + d));
      //@unroll b 0 8
      {
        let value = subgroupBroadcast(v$g, $(b)u);
        //@unroll r 0 OWN
        o$r += s$(r)_$(8 * g + b) * value;
        //@end
      }
      //@end
      //@end
      //@unroll r 0 OWN
      if (first + $(8 * r)u + lane < params.tq) { o[row$r + d] = o$r; }
      //@end
    }
  }
  //@unroll r 0 OWN
  if (first + $(8 * r)u + lane < params.tq) { logsumexp[head * params.tq + i$r] = select(m$r + log(l$r), LOWEST, l$r == 0.0); }
  //@end
}
