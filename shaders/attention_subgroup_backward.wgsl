// backward of attention (formulas and layouts: attention.wgsl) for software adapters, whose subgroup has 8 lanes
// The tiles of attention_subgroup.wgsl: a lane owns OWN queries (backward_q) or keys (backward_kv), so that every sum
// has one writer; products of a step are made in one loop over D, gradients updated in memory in a second one.
// grid: one workgroup per head and 8 OWN queries or keys; a lane's loop iterations: T / (8 OTHER) (D / 2 + 3)
// cost: backward_q 6 BH Tq Tk D FLOP, backward_kv 8, half of it where causal; at BH = 16, T = 256, D = 64 at least 27
//   and 17 GFLOP/s, 47 and 30 % of the multiply-add peak (llvmpipe on 2 cores of an AMD EPYC, busy with other work)
//@include attention_steps
//@include grid
//@include texture
const OWN = 1u;
const OTHER = 2u;
struct Params { visibility: u32, heads: u32, tq: u32, tk: u32, d: u32, batch_heads: u32, query_stride: u32, key_stride: u32, scale: f32 }

@group(0) @binding(0) var q: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var k: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var v: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read> query_steps: array<i32>;
@group(0) @binding(4) var<storage, read> key_steps: array<i32>;
@group(0) @binding(5) var dout: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var<storage, read> stats: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8)
fn backward_q(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
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
  let stat$r = stats[head * params.tq + i$r];
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
    var ds$(r)_$b = 0.0;
    //@end
    //@end
    for (var d = 0u; d < d4; d++) {
      //@unroll r 0 OWN
      let q$r = textureLoad(q, texel(row$r + d));
      let do$r = textureLoad(dout, texel(row$r + d));
      //@end
      //@unroll g 0 OTHER
      let k$g = textureLoad(k, texel(at$g + d));
      let v$g = textureLoad(v, texel(at$g + d));
      //@unroll b 0 8
      {
        let key = subgroupBroadcast(k$g, $(b)u);
        let value = subgroupBroadcast(v$g, $(b)u);
        //@unroll r 0 OWN
        s$(r)_$(8 * g + b) += dot(q$r, key);
        ds$(r)_$(8 * g + b) += dot(do$r, value);
        //@end
      }
      //@end
      //@end
    }
    //@unroll b 0 8*OTHER
    let step$b = subgroupBroadcast(key_step$(b / 8), $(b % 8)u);
    //@unroll r 0 OWN
    ds$(r)_$b = select(
      0.0,
      params.scale * exp(params.scale * s$(r)_$b - stat$r.x) * (ds$(r)_$b - stat$r.y),
      j + $(b)u < params.tk && step$b <= query_step$r,
    );
    //@end
    //@end
    for (var d = 0u; d < d4; d++) {
      //@unroll r 0 OWN
      var dq$r = select(dq[row$r + d], vec4f(), j == 0u);
      //@end
      //@unroll g 0 OTHER
      let k$g = textureLoad(k, texel(at$g + d));
      //@unroll b 0 8
      {
        let key = subgroupBroadcast(k$g, $(b)u);
        //@unroll r 0 OWN
        dq$r += ds$(r)_$(8 * g + b) * key;
        //@end
      }
      //@end
      //@end
      //@unroll r 0 OWN
      if (first + $(8 * r)u + lane < params.tq) { dq[row$r + d] = dq$r; }
      //@end
    }
  }
}

@compute @workgroup_size(8)
fn backward_kv(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = flat_index(group, groups, 0u, 1u);
  let tiles = (params.tk - 1u) / (8u * OWN) + 1u;
  let head = tile / tiles;
  if (head >= params.batch_heads) { return; }
  let first = tile % tiles * 8u * OWN;
  let d4 = params.d / 4u;
  //@unroll r 0 OWN
  let j$r = min(first + $(8 * r)u + lane, params.tk - 1u);
  let row$r = (head * params.tk + j$r) * d4;
  let key_step$r = key_step_of(head, j$r);
  //@end
  let start = select(0u, u32(max(0, i32(first + params.tq) - i32(params.tk))), params.visibility == 1u);
  for (var i = start; i < params.tq; i += 8u * OTHER) {
    //@unroll g 0 OTHER
    let i$g = min(i + $(8 * g)u + lane, params.tq - 1u);
    let at$g = (head * params.tq + i$g) * d4;
    let query_step$g = query_step_of(head, i$g);
    let stat$g = stats[head * params.tq + i$g];
    //@end
    //@unroll r 0 OWN
    //@unroll b 0 8*OTHER
    var p$(r)_$b = 0.0;
    var ds$(r)_$b = 0.0;
    //@end
    //@end
    for (var d = 0u; d < d4; d++) {
      //@unroll r 0 OWN
      let k$r = textureLoad(k, texel(row$r + d));
      let v$r = textureLoad(v, texel(row$r + d));
      //@end
      //@unroll g 0 OTHER
      let q$g = textureLoad(q, texel(at$g + d));
      let do$g = textureLoad(dout, texel(at$g + d));
      //@unroll b 0 8
      {
        let query = subgroupBroadcast(q$g, $(b)u);
        let grad = subgroupBroadcast(do$g, $(b)u);
        //@unroll r 0 OWN
        p$(r)_$(8 * g + b) += dot(query, k$r);
        ds$(r)_$(8 * g + b) += dot(grad, v$r);
        //@end
      }
      //@end
      //@end
    }
    //@unroll b 0 8*OTHER
    let step$b = subgroupBroadcast(query_step$(b / 8), $(b % 8)u);
    let stat_b$b = subgroupBroadcast(stat$(b / 8), $(b % 8)u);
    //@unroll r 0 OWN
    let seen$(r)_$b = i + $(b)u < params.tq && key_step$r <= step$b;
    p$(r)_$b = select(0.0, exp(params.scale * p$(r)_$b - stat_b$b.x), seen$(r)_$b);
    ds$(r)_$b = select(0.0, params.scale * p$(r)_$b * (ds$(r)_$b - stat_b$b.y), seen$(r)_$b);
    //@end
    //@end
    for (var d = 0u; d < d4; d++) {
      //@unroll r 0 OWN
      var dk$r = select(dk[row$r + d], vec4f(), i == start);
      var dv$r = select(dv[row$r + d], vec4f(), i == start);
      //@end
      //@unroll g 0 OTHER
      let q$g = textureLoad(q, texel(at$g + d));
      let do$g = textureLoad(dout, texel(at$g + d));
      //@unroll b 0 8
      {
        let query = subgroupBroadcast(q$g, $(b)u);
        let grad = subgroupBroadcast(do$g, $(b)u);
        //@unroll r 0 OWN
        dk$r += ds$(r)_$(8 * g + b) * query;
        dv$r += p$(r)_$(8 * g + b) * grad;
        //@end
      }
      //@end
      //@end
      //@unroll r 0 OWN
      if (first + $(8 * r)u + lane < params.tk) {
        dk[row$r + d] = dk$r;
        dv[row$r + d] = dv$r;
      }
      //@end
    }
  }
}
