// two-dimensional rotary embedding: y_p = (x_2p cos a - x_2p+1 sin a, x_2p+1 cos a + x_2p sin a) for the pairs p < D / 2,
// a = row * frequency_p for p < D / 4, column * frequency_(p - D / 4) after; a cell outside [0, P width) gives y = 0
// backward: the inverse rotation, dx_p = (dy_2p cos a + dy_2p+1 sin a, dy_2p+1 cos a - dy_2p sin a), 0 for such a cell
// x, y, dx, dy: [B, H, T, D] as pairs; cells: [1 or B, T]; table: [P, D / 4] of (cos, sin)
// grid: one lane per pair of [B, T, D / 2], which it turns in all heads: cell and angle are looked up once
// cost: 6 FLOP and 16 bytes a pair; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { lanes: u32, heads: u32, tokens: u32, pairs: u32, positions: u32, width: u32, cell_stride: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec2f>;
@group(0) @binding(1) var<storage, read> cells: array<i32>;
@group(0) @binding(2) var<storage, read> table: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2f>;
@group(1) @binding(0) var<uniform> params: Params;

fn rotate(index: u32, direction: f32) {
  let pair = index % params.pairs;
  let token = index / params.pairs % params.tokens;
  let batch = index / params.pairs / params.tokens;
  let cell = cells[batch * params.cell_stride + token];
  var turn = vec2f();
  if (cell >= 0 && u32(cell) < params.positions * params.width) {
    let quarter = params.pairs / 2u;
    let position = select(u32(cell) % params.width, u32(cell) / params.width, pair < quarter);
    turn = table[position * quarter + pair % quarter];
  }
  let across = direction * vec2f(-turn.y, turn.y);
  var at = (batch * params.heads * params.tokens + token) * params.pairs + pair;
  for (var h = 0u; h < params.heads; h++) {
    let value = x[at];
    y[at] = value * turn.x + value.yx * across;
    at += params.tokens * params.pairs;
  }
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = flat_index(group, groups, lane, WG);
  if (index < params.lanes) { rotate(index, 1.0); }
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = flat_index(group, groups, lane, WG);
  if (index < params.lanes) { rotate(index, -1.0); }
}
