// attention (formulas and layouts: attention.wgsl) for GPUs, D = 4 D4 up to 128
// A workgroup of 16 x 8 lanes owns 64 rows of one axis, queries or keys, and walks the other in tiles of 32 (Dao et al.
// 2022, FlashAttention). Per tile: the products of both, brought into workgroup memory in slabs of 16 of D, a lane 4 x 4
// of them; the weights made of them, handed round in the same memory; then sums over the tile's rows, a lane 4 rows by
// every eighth vec4 of D, in registers to the end. Every sum has one writer.
// grid: one workgroup per head and 64 rows; a lane's loop turns: T / 32 (D / 16 + 8)
// cost: 4 BH Tq Tk D FLOP forward, backward_q 6, backward_kv 8, half of it where causal; memory BH Tq Tk D / 4 bytes
//   forward, that is 16 FLOP a byte, since own rows are read anew for every tile; not measured on a GPU
//@include attention_steps
//@include grid
const D4 = 16u;
struct Params { visibility: u32, heads: u32, tq: u32, tk: u32, d: u32, batch_heads: u32, query_stride: u32, key_stride: u32, scale: f32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> query_steps: array<i32>;
@group(0) @binding(4) var<storage, read> key_steps: array<i32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> logsumexp: array<f32>;

@group(0) @binding(5) var<storage, read> dout: array<vec4f>;
@group(0) @binding(6) var<storage, read> stats: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

// Slabs are rows of 4 vec4 with one to spare, so that rows lie in different banks: 64 own rows, then 32 of the other axis
var<workgroup> forward_tile: array<vec4f, 512>;
var<workgroup> peaks: array<vec4f, 128>;
// Of both pairs of operands; afterwards the weights ds and p
var<workgroup> backward_tile: array<vec4f, 1024>;
const OTHER = 320u;
const SECOND = 480u;

// Place of the weights of four own rows for one of the 32 others; shuffled so that lanes side by side meet no bank twice
fn slot(other: u32, quad: u32) -> u32 { return other * 16u + (quad ^ (other & 15u)); }

@compute @workgroup_size(128)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let number = flat_index(group, groups, 0u, 1u);
  let tiles = (params.tq + 63u) / 64u;
  let head = number / tiles;
  if (head >= params.batch_heads) { return; }
  let first = number % tiles * 64u;
  let y = lane / 8u;
  let x = lane % 8u;
  let q_base = head * params.tq;
  let k_base = head * params.tk;
  //@unroll r 0 4
  let row$r = q_base + min(first + y * 4u + $(r)u, params.tq - 1u);
  //@unroll j 0 (D4+7)/8
  var o$(r)_$(j) = vec4f();
  //@end
  //@end
  let steps = vec4i(query_step_of(head, row0 - q_base), query_step_of(head, row1 - q_base), query_step_of(head, row2 - q_base), query_step_of(head, row3 - q_base));
  var m = vec4f(LOWEST);
  var l = vec4f();
  let end = keys_end(first + 64u);
  for (var at = 0u; at < end; at += 32u) {
    //@unroll e 0 4
    var s$e = vec4f();
    //@end
    for (var d = 0u; d < D4; d += 4u) {
      let c = min(d + lane % 4u, D4 - 1u);
      let fits = d + lane % 4u < D4;
      //@unroll g 0 2
      let own$g = q[(q_base + min(first + lane / 4u + $(32 * g)u, params.tq - 1u)) * D4 + c];
      forward_tile[(lane / 4u + $(32 * g)u) * 5u + lane % 4u] = select(vec4f(), own$g, fits);
      //@end
      let other = k[(k_base + min(at + lane / 4u, params.tk - 1u)) * D4 + c];
      forward_tile[OTHER + lane / 4u * 5u + lane % 4u] = select(vec4f(), other, fits);
      workgroupBarrier();
      //@unroll t 0 4
      {
        //@unroll r 0 4
        let a$r = forward_tile[(y * 4u + $(r)u) * 5u + $(t)u];
        //@end
        //@unroll e 0 4
        let b$e = forward_tile[OTHER + (x + $(8 * e)u) * 5u + $(t)u];
        s$e += vec4f(dot(a0, b$e), dot(a1, b$e), dot(a2, b$e), dot(a3, b$e));
        //@end
      }
      //@end
      workgroupBarrier();
    }
    //@unroll e 0 4
    let j$e = at + x + $(8 * e)u;
    let seen$e = (vec4i(key_step_of(head, min(j$e, params.tk - 1u))) <= steps) & vec4<bool>(j$e < params.tk);
    s$e = select(vec4f(LOWEST), params.scale * s$e, seen$e);
    //@end
    peaks[lane] = max(max(s0, s1), max(s2, s3));
    workgroupBarrier();
    let before = m;
    //@unroll b 0 8
    m = max(m, peaks[y * 8u + $(b)u]);
    //@end
    //@unroll e 0 4
    forward_tile[slot(x + $(8 * e)u, y)] = select(vec4f(), exp(s$e - m), seen$e);
    //@end
    workgroupBarrier();
    let keep = exp(before - m);
    l *= keep;
    //@unroll r 0 4
    //@unroll j 0 (D4+7)/8
    o$(r)_$(j) *= keep[$(r)u];
    //@end
    //@end
    for (var t = 0u; t < 32u; t += 4u) {
      //@unroll u 0 4
      {
        let p = forward_tile[slot(t + $(u)u, y)];
        l += p;
        let key = (k_base + min(at + t + $(u)u, params.tk - 1u)) * D4;
        //@unroll j 0 (D4+7)/8
        let v$j = v[key + min(x + $(8 * j)u, D4 - 1u)];
        //@unroll r 0 4
        o$(r)_$(j) = fma(vec4f(p[$(r)u]), v$j, o$(r)_$(j));
        //@end
        //@end
      }
      //@end
    }
    workgroupBarrier();
  }
  let inverse = select(1.0 / l, vec4f(), l == vec4f());
  //@unroll r 0 4
  if (first + y * 4u + $(r)u < params.tq) {
    //@unroll j 0 (D4+7)/8
    if (x + $(8 * j)u < D4) { o[row$r * D4 + x + $(8 * j)u] = inverse[$(r)u] * o$(r)_$(j); }
    //@end
    if (x == 0u) { logsumexp[row$r] = select(m[$(r)u] + log(l[$(r)u]), LOWEST, l[$(r)u] == 0.0); }
  }
  //@end
}

@compute @workgroup_size(128)
fn backward_q(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let number = flat_index(group, groups, 0u, 1u);
  let tiles = (params.tq + 63u) / 64u;
  let head = number / tiles;
  if (head >= params.batch_heads) { return; }
  let first = number % tiles * 64u;
  let y = lane / 8u;
  let x = lane % 8u;
  let q_base = head * params.tq;
  let k_base = head * params.tk;
  //@unroll r 0 4
  let row$r = q_base + min(first + y * 4u + $(r)u, params.tq - 1u);
  //@unroll j 0 (D4+7)/8
  var dq$(r)_$(j) = vec4f();
  //@end
  //@end
  let steps = vec4i(query_step_of(head, row0 - q_base), query_step_of(head, row1 - q_base), query_step_of(head, row2 - q_base), query_step_of(head, row3 - q_base));
  let lse = vec4f(stats[row0].x, stats[row1].x, stats[row2].x, stats[row3].x);
  let delta = vec4f(stats[row0].y, stats[row1].y, stats[row2].y, stats[row3].y);
  let end = keys_end(first + 64u);
  for (var at = 0u; at < end; at += 32u) {
    //@unroll e 0 4
    var s$e = vec4f();
    var ds$e = vec4f();
    //@end
    for (var d = 0u; d < D4; d += 4u) {
      let c = min(d + lane % 4u, D4 - 1u);
      let fits = d + lane % 4u < D4;
      //@unroll g 0 2
      let from$g = (q_base + min(first + lane / 4u + $(32 * g)u, params.tq - 1u)) * D4 + c;
      backward_tile[(lane / 4u + $(32 * g)u) * 5u + lane % 4u] = select(vec4f(), q[from$g], fits);
      backward_tile[SECOND + (lane / 4u + $(32 * g)u) * 5u + lane % 4u] = select(vec4f(), dout[from$g], fits);
      //@end
      let other = (k_base + min(at + lane / 4u, params.tk - 1u)) * D4 + c;
      backward_tile[OTHER + lane / 4u * 5u + lane % 4u] = select(vec4f(), k[other], fits);
      backward_tile[SECOND + OTHER + lane / 4u * 5u + lane % 4u] = select(vec4f(), v[other], fits);
      workgroupBarrier();
      //@unroll t 0 4
      {
        //@unroll r 0 4
        let a$r = backward_tile[(y * 4u + $(r)u) * 5u + $(t)u];
        let c$r = backward_tile[SECOND + (y * 4u + $(r)u) * 5u + $(t)u];
        //@end
        //@unroll e 0 4
        let b$e = backward_tile[OTHER + (x + $(8 * e)u) * 5u + $(t)u];
        let d$e = backward_tile[SECOND + OTHER + (x + $(8 * e)u) * 5u + $(t)u];
        s$e += vec4f(dot(a0, b$e), dot(a1, b$e), dot(a2, b$e), dot(a3, b$e));
        ds$e += vec4f(dot(c0, d$e), dot(c1, d$e), dot(c2, d$e), dot(c3, d$e));
        //@end
      }
      //@end
      workgroupBarrier();
    }
    //@unroll e 0 4
    let j$e = at + x + $(8 * e)u;
    let seen$e = (vec4i(key_step_of(head, min(j$e, params.tk - 1u))) <= steps) & vec4<bool>(j$e < params.tk);
    backward_tile[slot(x + $(8 * e)u, y)] =
      select(vec4f(), params.scale * exp(params.scale * s$e - lse) * (ds$e - delta), seen$e);
    //@end
    workgroupBarrier();
    for (var t = 0u; t < 32u; t += 4u) {
      //@unroll u 0 4
      {
        let ds = backward_tile[slot(t + $(u)u, y)];
        let key = (k_base + min(at + t + $(u)u, params.tk - 1u)) * D4;
        //@unroll j 0 (D4+7)/8
        let k$j = k[key + min(x + $(8 * j)u, D4 - 1u)];
        //@unroll r 0 4
        dq$(r)_$(j) = fma(vec4f(ds[$(r)u]), k$j, dq$(r)_$(j));
        //@end
        //@end
      }
      //@end
    }
    workgroupBarrier();
  }
  //@unroll r 0 4
  if (first + y * 4u + $(r)u < params.tq) {
    //@unroll j 0 (D4+7)/8
    if (x + $(8 * j)u < D4) { dq[row$r * D4 + x + $(8 * j)u] = dq$(r)_$(j); }
    //@end
  }
  //@end
}

@compute @workgroup_size(128)
fn backward_kv(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let number = flat_index(group, groups, 0u, 1u);
  let tiles = (params.tk + 63u) / 64u;
  let head = number / tiles;
  if (head >= params.batch_heads) { return; }
  let first = number % tiles * 64u;
  let y = lane / 8u;
  let x = lane % 8u;
  let q_base = head * params.tq;
  let k_base = head * params.tk;
  //@unroll r 0 4
  let row$r = k_base + min(first + y * 4u + $(r)u, params.tk - 1u);
  //@unroll j 0 (D4+7)/8
  var dk$(r)_$(j) = vec4f();
  var dv$(r)_$(j) = vec4f();
  //@end
  //@end
  let steps = vec4i(key_step_of(head, row0 - k_base), key_step_of(head, row1 - k_base), key_step_of(head, row2 - k_base), key_step_of(head, row3 - k_base));
  let start = select(0u, u32(max(0, i32(first + params.tq) - i32(params.tk))), params.visibility == 1u);
  for (var at = start; at < params.tq; at += 32u) {
    //@unroll e 0 4
    var s$e = vec4f();
    var ds$e = vec4f();
    //@end
    for (var d = 0u; d < D4; d += 4u) {
      let c = min(d + lane % 4u, D4 - 1u);
      let fits = d + lane % 4u < D4;
      //@unroll g 0 2
      let from$g = (k_base + min(first + lane / 4u + $(32 * g)u, params.tk - 1u)) * D4 + c;
      backward_tile[(lane / 4u + $(32 * g)u) * 5u + lane % 4u] = select(vec4f(), k[from$g], fits);
      backward_tile[SECOND + (lane / 4u + $(32 * g)u) * 5u + lane % 4u] = select(vec4f(), v[from$g], fits);
      //@end
      let other = (q_base + min(at + lane / 4u, params.tq - 1u)) * D4 + c;
      backward_tile[OTHER + lane / 4u * 5u + lane % 4u] = select(vec4f(), q[other], fits);
      backward_tile[SECOND + OTHER + lane / 4u * 5u + lane % 4u] = select(vec4f(), dout[other], fits);
      workgroupBarrier();
      //@unroll t 0 4
      {
        //@unroll r 0 4
        let a$r = backward_tile[(y * 4u + $(r)u) * 5u + $(t)u];
        let c$r = backward_tile[SECOND + (y * 4u + $(r)u) * 5u + $(t)u];
        //@end
        //@unroll e 0 4
        let b$e = backward_tile[OTHER + (x + $(8 * e)u) * 5u + $(t)u];
        let d$e = backward_tile[SECOND + OTHER + (x + $(8 * e)u) * 5u + $(t)u];
        s$e += vec4f(dot(a0, b$e), dot(a1, b$e), dot(a2, b$e), dot(a3, b$e));
        ds$e += vec4f(dot(c0, d$e), dot(c1, d$e), dot(c2, d$e), dot(c3, d$e));
        //@end
      }
      //@end
      workgroupBarrier();
    }
    //@unroll e 0 4
    let i$e = at + x + $(8 * e)u;
    let query$e = min(i$e, params.tq - 1u);
    let stat$e = stats[q_base + query$e];
    let seen$e = (steps <= vec4i(query_step_of(head, query$e))) & vec4<bool>(i$e < params.tq);
    let p$e = select(vec4f(), exp(params.scale * s$e - stat$e.x), seen$e);
    backward_tile[slot(x + $(8 * e)u, y)] = select(vec4f(), params.scale * p$e * (ds$e - stat$e.y), seen$e);
    backward_tile[512u + slot(x + $(8 * e)u, y)] = p$e;
    //@end
    workgroupBarrier();
    for (var t = 0u; t < 32u; t += 4u) {
      //@unroll u 0 4
      {
        let ds = backward_tile[slot(t + $(u)u, y)];
        let p = backward_tile[512u + slot(t + $(u)u, y)];
        let query = (q_base + min(at + t + $(u)u, params.tq - 1u)) * D4;
        //@unroll j 0 (D4+7)/8
        let q$j = q[query + min(x + $(8 * j)u, D4 - 1u)];
        let do$j = dout[query + min(x + $(8 * j)u, D4 - 1u)];
        //@unroll r 0 4
        dk$(r)_$(j) = fma(vec4f(ds[$(r)u]), q$j, dk$(r)_$(j));
        dv$(r)_$(j) = fma(vec4f(p[$(r)u]), do$j, dv$(r)_$(j));
        //@end
        //@end
      }
      //@end
    }
    workgroupBarrier();
  }
  //@unroll r 0 4
  if (first + y * 4u + $(r)u < params.tk) {
    //@unroll j 0 (D4+7)/8
    if (x + $(8 * j)u < D4) {
      dk[row$r * D4 + x + $(8 * j)u] = dk$(r)_$(j);
      dv[row$r * D4 + x + $(8 * j)u] = dv$(r)_$(j);
    }
    //@end
  }
  //@end
}
