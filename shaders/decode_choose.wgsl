// what a decoding policy sees before a step and what its choice does (layout of rows, state, starts: decode_plan.wgsl)
// The plan of a probing step asks for every unpainted cell, so a row's logits are those its cell would be decoded with.
//   observe: unpainted[b, cell] = 1 + how many unpainted cells come before it in the order, 0 where the cell is painted,
//     remaining[b] = how many are not painted,
//     cost[b] += (1, how many) where there are any; one lane per cell
//   signals: of p = softmax(guided row), signals[b, cell] = (max p, H(p) / log V, largest less second p); one lane per row
//   apply: the step paints d = round(speed degrees[degree_b]) cells, at least 1 and at most what remains (all of it at
//     the last step), the first d picks: they come next in the order, the other unpainted cells behind them as before;
//     painted[b, pick] = step marks them for `settle`; one lane per sample
// order, order_out: [B, N], permutations whose first filled_b cells are painted; guided: [Q, V4]; picks: [B, K], padded
// with -1; starts: [B] of (.., .., .., filled before); state: [B] of (filled, entered), whose first number the plan has
// set to N and apply mends
// cost: signals 8 V bytes a row
override WG: u32 = 64;
struct Params { batch: u32, cells: u32, vocab: u32, cols4: u32, step: u32, last: u32, count: u32, speed: f32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> starts: array<vec4u>;
@group(0) @binding(1) var<storage, read> order: array<i32>;
@group(0) @binding(2) var<storage, read_write> unpainted: array<i32>;
@group(0) @binding(3) var<storage, read_write> remaining: array<i32>;
@group(0) @binding(4) var<storage, read_write> cost: array<vec2f>;

@group(0) @binding(0) var<storage, read> guided: array<vec4f>;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;
@group(0) @binding(3) var<storage, read_write> signals_out: array<f32>;

@group(0) @binding(2) var<storage, read> degrees: array<i32>;
@group(0) @binding(3) var<storage, read> degree: array<i32>;
@group(0) @binding(4) var<storage, read> picks: array<i32>;
@group(0) @binding(5) var<storage, read_write> order_out: array<i32>;
@group(0) @binding(6) var<storage, read_write> state: array<vec2u>;
@group(0) @binding(7) var<storage, read_write> painted: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn observe(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let at = id.y * grid.x * WG + id.x;
  if (at >= params.batch * params.cells) { return; }
  let b = at / params.cells;
  let place = at % params.cells;
  let filled = starts[b].w;
  unpainted[b * params.cells + u32(order[at])] = max(1 + i32(place) - i32(filled), 0);
  if (place > 0u) { return; }
  let left = params.cells - filled;
  remaining[b] = i32(left);
  if (left > 0u) { cost[b] += vec2f(1.0, f32(left)); }
}

@compute @workgroup_size(8)
fn signals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 8u + lane;
  if (row >= counts[2]) { return; }
  var first = LOWEST;
  var second = LOWEST;
  for (var c = 0u; c < params.cols4; c++) {
    let values = guided[row * params.cols4 + c];
    //@unroll i 0 4
    if (4u * c + $(i)u < params.vocab) {
      second = max(second, min(first, values[$(i)u]));
      first = max(first, values[$(i)u]);
    }
    //@end
  }
  // H = log Z - sum z x / Z for x = logit - largest, z = exp x.
  var sum = 0.0;
  var weighted = 0.0;
  for (var c = 0u; c < params.cols4; c++) {
    let values = guided[row * params.cols4 + c];
    //@unroll i 0 4
    if (4u * c + $(i)u < params.vocab) {
      let x = max(values[$(i)u] - first, -80.0);
      sum += exp(x);
      weighted += exp(x) * x;
    }
    //@end
  }
  let at = 3u * (u32(rows[row].x) * params.cells + u32(rows[row].z));
  signals_out[at] = 1.0 / sum;
  signals_out[at + 1u] = max(log(sum) - weighted / sum, 0.0) / log(f32(params.vocab));
  signals_out[at + 2u] = (1.0 - exp(max(second - first, -80.0))) / sum;
}

@compute @workgroup_size(WG)
fn apply(@builtin(global_invocation_id) id: vec3u) {
  let b = id.x;
  if (b >= params.batch) { return; }
  let base = b * params.cells;
  let filled = starts[b].w;
  let left = params.cells - filled;
  var d = left;
  if (params.last == 0u) {
    d = min(left, max(1u, u32(round(params.speed * f32(degrees[u32(degree[b])])))));
  }
  for (var place = 0u; place < filled; place++) { order_out[base + place] = order[base + place]; }
  // Fewer picks than d come only where the policy cannot paint all that is left; its next cells follow in their order.
  var place = filled;
  for (var i = 0u; i < min(d, params.count); i++) {
    let cell = picks[b * params.count + i];
    if (cell < 0) { break; }
    painted[base + u32(cell)] = i32(params.step);
    order_out[base + place] = cell;
    place++;
  }
  for (var old = filled; old < params.cells; old++) {
    let cell = u32(order[base + old]);
    if (painted[base + cell] == i32(params.step)) { continue; }
    if (place < filled + d) { painted[base + cell] = i32(params.step); }
    order_out[base + place] = i32(cell);
    place++;
  }
  state[b].x = filled + d;
}
