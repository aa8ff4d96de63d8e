// attention (formulas and layouts: attention.wgsl) for GPUs, D = 4 D4 up to 128: one lane per query, or per key for dk
// and dv, keeps its rows and sums in registers; neighbouring lanes read the same row of the other axis at the same time,
// which a GPU's cache hands to all of them
// grid: one lane per row of [BH, Tq] or [BH, Tk]; a lane's loop iterations: one per row of the other axis
// cost: 4 BH Tq Tk D FLOP forward, backward_q 6, backward_kv 8, half of it where causal; every row of the other axis is
//   loaded by every lane, 0.5 to 1 FLOP a byte from the cache; not measured on a GPU
//@include grid
override WG: u32 = 64;
const D4 = 16u;
struct Params { visibility: u32, heads: u32, tq: u32, tk: u32, d: u32, rows: u32, query_stride: u32, key_stride: u32, scale: f32 }
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

fn visible(head: u32, i: u32, j: u32) -> bool {
  if (params.visibility == 0u) { return true; }
  if (params.visibility == 1u) { return j + params.tq <= i + params.tk; }
  let batch = head / params.heads;
  return key_steps[batch * params.key_stride + j] <= query_steps[batch * params.query_stride + i];
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let head = row / params.tq;
  //@unroll d 0 D4
  let q$d = params.scale * q[row * D4 + $(d)u];
  var o$d = vec4f();
  //@end
  var m = LOWEST;
  var l = 0.0;
  for (var j = 0u; j < params.tk; j++) {
    if (!visible(head, row % params.tq, j)) { continue; }
    let at = (head * params.tk + j) * D4;
    var s = 0.0;
    //@unroll d 0 D4
    s += dot(q$d, k[at + $(d)u]);
    //@end
    let before = m;
    m = max(m, s);
    let keep = exp(before - m);
    let p = exp(s - m);
    l = keep * l + p;
    //@unroll d 0 D4
    o$d = keep * o$d + p * v[at + $(d)u];
    //@end
  }
  let inverse = select(1.0 / l, 0.0, l == 0.0);
  //@unroll d 0 D4
  o[row * D4 + $(d)u] = inverse * o$d;
  //@end
  logsumexp[row] = select(m + log(l), LOWEST, l == 0.0);
}

@compute @workgroup_size(WG)
fn backward_q(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let head = row / params.tq;
  let stat = stats[row];
  //@unroll d 0 D4
  let q$d = params.scale * q[row * D4 + $(d)u];
  let do$d = dout[row * D4 + $(d)u];
  var dq$d = vec4f();
  //@end
  for (var j = 0u; j < params.tk; j++) {
    if (!visible(head, row % params.tq, j)) { continue; }
    let at = (head * params.tk + j) * D4;
    var s = 0.0;
    var dp = 0.0;
    //@unroll d 0 D4
    s += dot(q$d, k[at + $(d)u]);
    dp += dot(do$d, v[at + $(d)u]);
    //@end
    let ds = exp(s - stat.x) * (dp - stat.y);
    //@unroll d 0 D4
    dq$d += ds * k[at + $(d)u];
    //@end
  }
  //@unroll d 0 D4
  dq[row * D4 + $(d)u] = params.scale * dq$d;
  //@end
}

@compute @workgroup_size(WG)
fn backward_kv(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let head = row / params.tk;
  //@unroll d 0 D4
  let k$d = params.scale * k[row * D4 + $(d)u];
  let v$d = v[row * D4 + $(d)u];
  var dk$d = vec4f();
  var dv$d = vec4f();
  //@end
  for (var i = 0u; i < params.tq; i++) {
    if (!visible(head, i, row % params.tk)) { continue; }
    let query = head * params.tq + i;
    let at = query * D4;
    var s = 0.0;
    var dp = 0.0;
    //@unroll d 0 D4
    s += dot(k$d, q[at + $(d)u]);
    dp += dot(v$d, dout[at + $(d)u]);
    //@end
    let p = exp(s - stats[query].x);
    let ds = p * (dp - stats[query].y);
    //@unroll d 0 D4
    dk$d += ds * q[at + $(d)u];
    dv$d += p * dout[at + $(d)u];
    //@end
  }
  //@unroll d 0 D4
  dk[row * D4 + $(d)u] = params.scale * dk$d;
  dv[row * D4 + $(d)u] = dv$d;
  //@end
}
