// log-probabilities of an ordered draw without replacement (Plackett-Luce), pick by pick: with A_i the valid cells that
// are not among the picks before i, log p_i = s_oi - L_i, L_i = log sum_{j in A_i} exp s_j
// The running sums are built from the last pick back: A_i = A_(i+1) + o_i, so that nothing is ever subtracted. They are
// held as (peak, sum), L = peak + log sum: differences of peaks are exact where those of logarithms would round.
// backward: ds_j = [j = o_t] g_t - exp(s_j - L_t) C_t, t the pick that takes j (K: none does), with the running sum
// C_i = sum_{l <= i} g_l exp(L_i - L_l); L only falls, so no factor exceeds 1: O(N + K) a row as the forward is
// A pick of -1 (padding) and one that had no alternative (forced) have log p = 0 and no gradient; one outside the row,
// invalid or repeated (impossible) gives `outside`, NaN, has no gradient and is otherwise passed over.
// scores, valid, turn, dscores: [R, N]; picks, kind, log_p, dlog_p: [R, K]; sums (peak, sum), carried: [R, K + 1]
// turn: the pick that takes the cell, K for none, -1 for an invalid cell; kind: of each pick, see the constants
//   1. turns, 2. forward, 3. scan: a lane per row; at most 2 (N + K) iterations
//   4. backward_x: a lane per cell
// cost: about 20 FLOP a cell and a pick, 5 accesses a cell
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32, count: u32, outside: f32 }
const LOWEST = -3.402823e38;
const PADDING = 0;
const FORCED = 1;
const FREE = 2;
const IMPOSSIBLE = 3;

@group(0) @binding(0) var<storage, read> valid: array<i32>;
@group(0) @binding(1) var<storage, read> picks: array<i32>;
@group(0) @binding(2) var<storage, read_write> turn: array<i32>;
@group(0) @binding(3) var<storage, read_write> kind: array<i32>;

@group(0) @binding(0) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> turn_in: array<i32>;
@group(0) @binding(3) var<storage, read> kind_in: array<i32>;
@group(0) @binding(4) var<storage, read_write> log_p: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec2f>;

@group(0) @binding(0) var<storage, read> dlog_p: array<f32>;
@group(0) @binding(1) var<storage, read> kind_back: array<i32>;
@group(0) @binding(2) var<storage, read> sums_in: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> carried: array<f32>;

@group(0) @binding(3) var<storage, read> carried_in: array<f32>;
@group(0) @binding(4) var<storage, read> scores_back: array<f32>;
@group(0) @binding(5) var<storage, read> turn_back: array<i32>;
@group(0) @binding(6) var<storage, read_write> dscores: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn turns(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var available = 0u;
  for (var j = base; j < base + params.cols; j++) {
    let is_valid = valid[j] != 0;
    turn[j] = select(-1, i32(params.count), is_valid);
    available += select(0u, 1u, is_valid);
  }
  for (var i = 0u; i < params.count; i++) {
    let at = row * params.count + i;
    let cell = picks[at];
    var what = select(IMPOSSIBLE, PADDING, cell == -1);
    if (u32(cell) < params.cols) { // negative cells become large
      if (turn[base + u32(cell)] == i32(params.count)) {
        turn[base + u32(cell)] = i32(i);
        what = select(FREE, FORCED, available == 1u);
        available--;
      }
    }
    kind[at] = what;
  }
}

// One more score in a running sum
fn take(before: vec2f, score: f32) -> vec2f {
  let peak = max(before.x, score);
  return vec2f(peak, before.y * exp(before.x - peak) + exp(score - peak));
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var running = vec2f(LOWEST, 0.0);
  for (var j = base; j < base + params.cols; j++) {
    if (turn_in[j] == i32(params.count)) { running = take(running, scores[j]); }
  }
  sums[row * (params.count + 1u) + params.count] = running;
  for (var i = params.count; i > 0u; i--) {
    let at = row * params.count + i - 1u;
    let what = kind_in[at];
    var value = select(0.0, params.outside, what == IMPOSSIBLE);
    if (what == FREE || what == FORCED) {
      let score = scores[base + u32(picks[at])];
      running = take(running, score);
      if (what == FREE) { value = score - running.x - log(running.y); }
    }
    log_p[at] = value;
    sums[row * (params.count + 1u) + i - 1u] = running;
  }
}

@compute @workgroup_size(WG)
fn scan(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * (params.count + 1u);
  var before = sums_in[base];
  var sum = 0.0;
  for (var i = 0u; i <= params.count; i++) {
    let now = sums_in[base + i];
    // Nothing reads what is carried to an empty set, whose sum is 0.
    if (now.y > 0.0) { sum *= exp(now.x - before.x) * now.y / before.y; }
    if (i < params.count) {
      let at = row * params.count + i;
      if (kind_back[at] == FREE) { sum += dlog_p[at]; }
    }
    carried[base + i] = sum;
    before = now;
  }
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.rows * params.cols) { return; }
  let row = at / params.cols;
  let pick = turn_back[at];
  if (pick < 0) {
    dscores[at] = 0.0;
    return;
  }
  let place = row * (params.count + 1u) + u32(pick);
  let running = sums_in[place];
  var d = -exp(scores_back[at] - running.x) / running.y * carried_in[place];
  if (u32(pick) < params.count) {
    let own = row * params.count + u32(pick);
    if (kind_back[own] == FREE) { d += dlog_p[own]; }
  }
  dscores[at] = d;
}
