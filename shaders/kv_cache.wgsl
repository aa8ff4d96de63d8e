// Keys and values of the tokens decoded so far, a slot each, and the attention of the newest token to them:
//   cache_token: a token's q and k turn by the angles of its cell, as in rotary_2d.wgsl; k and v go into its slot. Slot
//     s > 0 holds cell s - 1; slot 0, the class, is nowhere: its q and k are zeros, its v is kept
//   scores: s_j = scale <q, k_j> for the slots j <= slot; a lane takes four of them, for which it loads q once
//   attend: o = sum_j p_j v_j with p = softmax(s); a lane per four channels, which goes through the slots twice
// qkv: [R, 3, H, D]; q, o: [R, H, D]; k, v: [R, H, T, D]; scores: [R H, T]; table: [P, D / 4] of (cos, sin)
// A replayed step moves `slot` on, so grids cover all T slots and lanes beyond `slot` end at once.
// numeric: the maximum is subtracted before exp, as in softmax.wgsl
// cost: 4 R H D (slot + 1) FLOP; loads k and v once, scores twice for every four channels
//@include grid
override WG: u32 = 64;
struct Params { rows: u32, heads: u32, slots: u32, d: u32, slot: u32, width: u32, positions: u32, scale: f32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> qkv: array<vec2f>;
@group(0) @binding(1) var<storage, read> table: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> q: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> k: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> v: array<vec2f>;

@group(0) @binding(0) var<storage, read> q_in: array<vec4f>;
@group(0) @binding(1) var<storage, read> k_in: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scores_out: array<f32>;

@group(0) @binding(0) var<storage, read> scores_in: array<f32>;
@group(0) @binding(1) var<storage, read> v_in: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> o: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

// (cos, sin) of a pair at the cell of the slot; zeros where there is no such cell
fn turn_of(pair: u32, pairs: u32) -> vec2f {
  if (params.slot == 0u || params.slot > params.positions * params.width) { return vec2f(); }
  let cell = params.slot - 1u;
  let quarter = pairs / 2u;
  let position = select(cell % params.width, cell / params.width, pair < quarter);
  return table[position * quarter + pair % quarter];
}

@compute @workgroup_size(WG)
fn cache_token(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = flat_index(group, groups, lane, WG);
  let pairs = params.d / 2u;
  if (index >= params.rows * pairs) { return; }
  let pair = index % pairs;
  let head = index / pairs; // of all R H
  let turn = turn_of(pair, pairs);
  let across = vec2f(-turn.y, turn.y);
  let part = params.heads * pairs; // from q to k, from k to v
  let at = (head / params.heads * 3u * params.heads + head % params.heads) * pairs + pair;
  let stored = (head * params.slots + params.slot) * pairs + pair;
  q[index] = qkv[at] * turn.x + qkv[at].yx * across;
  k[stored] = qkv[at + part] * turn.x + qkv[at + part].yx * across;
  v[stored] = qkv[at + 2u * part];
}

@compute @workgroup_size(WG)
fn scores(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = flat_index(group, groups, lane, WG);
  let blocks = (params.slots + 3u) / 4u;
  let row = index / blocks;
  let first = index % blocks * 4u;
  if (row >= params.rows || first > params.slot) { return; }
  let d4 = params.d / 4u;
  //@unroll i 0 4
  var s$i = 0.0;
  let key$i = (row * params.slots + min(first + $(i)u, params.slot)) * d4;
  //@end
  for (var c = 0u; c < d4; c++) {
    let query = params.scale * q_in[row * d4 + c];
    //@unroll i 0 4
    s$i += dot(query, k_in[key$i + c]);
    //@end
  }
  let at = row * params.slots + first;
  //@unroll i 0 4
  if (first + $(i)u <= params.slot) { scores_out[at + $(i)u] = s$i; }
  //@end
}

@compute @workgroup_size(WG)
fn attend(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = flat_index(group, groups, lane, WG);
  let d4 = params.d / 4u;
  let row = index / d4;
  if (row >= params.rows) { return; }
  let begin = row * params.slots;
  let end = begin + params.slot + 1u;
  var peak = LOWEST;
  for (var j = begin; j < end; j++) { peak = max(peak, scores_in[j]); }
  var total = 0.0;
  var sum = vec4f();
  for (var j = begin; j < end; j++) {
    let p = exp(scores_in[j] - peak);
    total += p;
    sum += p * v_in[j * d4 + index % d4];
  }
  o[index] = sum / total;
}
