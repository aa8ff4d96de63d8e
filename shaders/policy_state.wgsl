// policy_state: what a decoding policy sees of a canvas before a step, of a mask of unpainted cells; no gradient
// cells: [B, N, 5] of (painted, distance to the nearest painted cell, 3 signals, 0 at painted cells or where BLIND)
// canvas: [B, 12] of (step, target) from progress [B, 2], coverage, remaining share, coverage of the 2 x 4 blocks of the
// grid row by row; the block of a cell is (floor(2 y / width), floor(4 x / width)), and one without cells counts as 0
// distance: Euclidean between the centres of cells, over the width; 1 where nothing is painted. Exact: the nearest painted
// cell of each row first (near: [B, N], columns off, 4 width for none), then the least over rows of dy^2 + near^2
// painted: [B, width] of the painted cells of a row in each of 4 blocks; unpainted: [B, N]; signals: [B, N, 3]
//   rows: a lane per row of cells; features: a lane per cell, then a lane per canvas
// cost: width + 3 loads a cell
//@include grid
override WG: u32 = 64;
override BLIND: u32 = 0;
struct Params { batch: u32, width: u32 }

@group(0) @binding(0) var<storage, read> unpainted: array<i32>;
@group(0) @binding(1) var<storage, read_write> near: array<u32>;
@group(0) @binding(2) var<storage, read_write> painted: array<vec4u>;
@group(0) @binding(1) var<storage, read> signals: array<f32>;
@group(0) @binding(2) var<storage, read> progress: array<vec2f>;
@group(0) @binding(3) var<storage, read> near_in: array<u32>;
@group(0) @binding(4) var<storage, read> painted_in: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> cells: array<f32>;
@group(0) @binding(6) var<storage, read_write> canvas: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn rows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  let width = params.width;
  if (row >= params.batch * width) { return; }
  let none = 4u * width;
  let begin = row * width;
  var off = none;
  var blocks = vec4u();
  for (var x = 0u; x < width; x++) {
    off = min(off + 1u, none);
    if (unpainted[begin + x] == 0) {
      off = 0u;
      blocks += select(vec4u(0u), vec4u(1u), vec4u(4u * x / width) == vec4u(0u, 1u, 2u, 3u));
    }
    near[begin + x] = off;
  }
  painted[row] = blocks;
  off = none;
  for (var x = width; x > 0u; x--) {
    let to_left = near[begin + x - 1u];
    off = min(off + 1u, to_left);
    near[begin + x - 1u] = off;
  }
}

fn cell_features(i: u32) {
  let width = params.width;
  let n = i % (width * width);
  let column = i - n + n % width;
  let y = n / width;
  let none = 16u * width * width;
  var least = none;
  for (var other = 0u; other < width; other++) {
    let dx = near_in[column + other * width];
    let dy = max(y, other) - min(y, other);
    least = min(least, dx * dx + dy * dy);
  }
  let free = unpainted[i] != 0;
  cells[5u * i] = select(1.0, 0.0, free);
  cells[5u * i + 1u] = select(sqrt(f32(least)) / f32(width), 1.0, least == none);
  var signal = vec3f();
  if (BLIND == 0u && free) { signal = vec3f(signals[3u * i], signals[3u * i + 1u], signals[3u * i + 2u]); }
  cells[5u * i + 2u] = signal.x;
  cells[5u * i + 3u] = signal.y;
  cells[5u * i + 4u] = signal.z;
}

fn canvas_features(b: u32) {
  let width = params.width;
  let middle = (width + 1u) / 2u; // the first row of the lower blocks
  var upper = vec4u();
  var lower = vec4u();
  for (var y = 0u; y < width; y++) {
    let row = painted_in[b * width + y];
    if (y < middle) { upper += row; } else { lower += row; }
  }
  let blocks = vec4u(0u, 1u, 2u, 3u);
  let columns = ((blocks + 1u) * width + 3u) / 4u - (blocks * width + 3u) / 4u;
  let both = upper + lower;
  let count = both.x + both.y + both.z + both.w;
  let total = width * width;
  canvas[3u * b] = vec4f(progress[b], f32(count) / f32(total), f32(total - count) / f32(total));
  canvas[3u * b + 1u] = vec4f(upper) / vec4f(max(columns * middle, vec4u(1u)));
  canvas[3u * b + 2u] = vec4f(lower) / vec4f(max(columns * (width - middle), vec4u(1u)));
}

@compute @workgroup_size(WG)
fn features(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let count = params.batch * params.width * params.width;
  if (i < count) { cell_features(i); } else if (i - count < params.batch) { canvas_features(i - count); }
}
