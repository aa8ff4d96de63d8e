// the order in which canvases were painted, from the step in which every cell was: cells sorted by (step, number), known
// cells, whose step is negative, first
//   rank(b, i) = number of cells j with (painted_j, j) < (painted_i, i)
//   order[b, rank] = i; steps[b, rank] = known + painted_i, or rank for a known cell: those are read one by one
//   share[b, rank] = cells that are painted once the step is done / N; drawn[b, rank] = 0 for a known cell, else 1
// painted, order, steps: [B, N] of i32; share, drawn: [B, N] of f32
// one lane per cell, which counts the others of its canvas: N iterations
// cost: 4 N + 20 bytes a cell
//@include grid
override WG: u32 = 64;
struct Params { n: u32, length: u32 }

@group(0) @binding(0) var<storage, read> painted: array<i32>;
@group(0) @binding(1) var<storage, read_write> order: array<i32>;
@group(0) @binding(2) var<storage, read_write> steps: array<i32>;
@group(0) @binding(3) var<storage, read_write> share: array<f32>;
@group(0) @binding(4) var<storage, read_write> drawn: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.n) { return; }
  let cell = at % params.length;
  let first = at - cell;
  let step = max(painted[at], -1);
  var rank = 0u;
  var known = 0u;
  var filled = 0u;
  for (var j = 0u; j < params.length; j++) {
    let other = max(painted[first + j], -1);
    if (other < step || (other == step && j < cell)) { rank++; }
    if (other < 0) { known++; }
    if (other <= step) { filled++; }
  }
  let place = first + rank;
  order[place] = i32(cell);
  steps[place] = select(i32(known) + step, i32(rank), step < 0);
  share[place] = f32(filled) / f32(params.length);
  drawn[place] = select(1.0, 0.0, step < 0);
}
