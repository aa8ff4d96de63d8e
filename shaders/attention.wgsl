// scaled dot-product attention: s_ij = scale * <q_i, k_j>, p_ij = exp(s_ij - L_i) over the visible j, o_i = sum_j p_ij v_j,
// with L_i = log sum_j exp(s_ij); a query that sees no key has o_i = 0
// backward: delta_i = <dout_i, o_i>, ds_ij = p_ij (<dout_i, v_j> - delta_i),
// dq_i = scale sum_j ds_ij k_j, dk_j = scale sum_i ds_ij q_i, dv_j = sum_i p_ij dout_i
// q, o, dout, dq: [BH, Tq, D]; k, v, dk, dv: [BH, Tk, D]; logsumexp: [BH, Tq]; stats: [BH, Tq] of (L, delta);
// query_steps: [1 or B, Tq]; key_steps: [1 or B, Tk]; visibility 0: all see all, 1: causal, 2: by steps
// These are the reference kernels, for any D: one lane per query, or per key for dk and dv; the sums live in the output.
// A lane may run 65535 loop iterations, so the other axis comes in launches of [begin, end): the state between two
// launches is (o, L) itself, since an online softmax may start from a finished one with m = L and l = 1.
// numeric: probabilities of backward are recomputed as exp(s - L): relative error about |L| 6e-8
// cost: 4 BH Tq Tk D FLOP forward, 10 backward; no Tq x Tk matrix exists
//@include grid
override WG: u32 = 32;
struct Params { visibility: u32, heads: u32, tq: u32, tk: u32, d: u32, rows: u32, begin: u32, end: u32, query_stride: u32, key_stride: u32, scale: f32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> query_steps: array<i32>;
@group(0) @binding(4) var<storage, read> key_steps: array<i32>;
@group(0) @binding(5) var<storage, read_write> o: array<f32>;
@group(0) @binding(6) var<storage, read_write> logsumexp: array<f32>;

@group(0) @binding(0) var<storage, read> logsumexp_in: array<f32>;
@group(0) @binding(1) var<storage, read> o_in: array<f32>;
@group(0) @binding(2) var<storage, read> dout_in: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;

@group(0) @binding(5) var<storage, read> dout: array<f32>;
@group(0) @binding(6) var<storage, read> stats_in: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> dq: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;
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
  let at = row * params.d;
  var m = LOWEST;
  if (params.begin == 0u) {
    for (var c = 0u; c < params.d; c++) { o[at + c] = 0.0; }
  } else {
    m = logsumexp[row];
  }
  var l = select(1.0, 0.0, m == LOWEST);
  for (var j = params.begin; j < params.end; j++) {
    if (!visible(head, row % params.tq, j)) { continue; }
    let key = (head * params.tk + j) * params.d;
    var s = 0.0;
    for (var c = 0u; c < params.d; c++) { s += params.scale * q[at + c] * k[key + c]; }
    let before = m;
    m = max(m, s);
    let keep = exp(before - m);
    let p = exp(s - m);
    l = l * keep + p;
    for (var c = 0u; c < params.d; c++) { o[at + c] = o[at + c] * keep + p * v[key + c]; }
  }
  if (l == 0.0) {
    logsumexp[row] = LOWEST;
    return;
  }
  for (var c = 0u; c < params.d; c++) { o[at + c] /= l; }
  logsumexp[row] = m + log(l);
}

@compute @workgroup_size(WG)
fn backward_stats(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  var delta = 0.0;
  for (var c = row * params.d; c < (row + 1u) * params.d; c++) { delta += dout_in[c] * o_in[c]; }
  stats[row] = vec2f(logsumexp_in[row], delta);
}

// p_ij and ds_ij of a visible pair, with the rows of query and key given by their offsets
fn pair(row: u32, query: u32, key: u32) -> vec2f {
  var s = 0.0;
  var dp = 0.0;
  for (var c = 0u; c < params.d; c++) {
    s += params.scale * q[query + c] * k[key + c];
    dp += dout[query + c] * v[key + c];
  }
  let p = exp(s - stats_in[row].x);
  return vec2f(p, p * (dp - stats_in[row].y));
}

@compute @workgroup_size(WG)
fn backward_q(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let head = row / params.tq;
  let at = row * params.d;
  if (params.begin == 0u) {
    for (var c = 0u; c < params.d; c++) { dq[at + c] = 0.0; }
  }
  for (var j = params.begin; j < params.end; j++) {
    if (!visible(head, row % params.tq, j)) { continue; }
    let key = (head * params.tk + j) * params.d;
    let ds = params.scale * pair(row, at, key).y;
    for (var c = 0u; c < params.d; c++) { dq[at + c] += ds * k[key + c]; }
  }
}

@compute @workgroup_size(WG)
fn backward_kv(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let head = row / params.tk;
  let at = row * params.d;
  if (params.begin == 0u) {
    for (var c = 0u; c < params.d; c++) {
      dk[at + c] = 0.0;
      dv[at + c] = 0.0;
    }
  }
  for (var i = params.begin; i < params.end; i++) {
    if (!visible(head, i, row % params.tk)) { continue; }
    let query = (head * params.tq + i) * params.d;
    let weights = pair(head * params.tq + i, query, at);
    for (var c = 0u; c < params.d; c++) {
      dk[at + c] += params.scale * weights.y * q[query + c];
      dv[at + c] += weights.x * dout[query + c];
    }
  }
}
