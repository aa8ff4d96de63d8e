// bookkeeping of parallel decoding (ARPG, arXiv 2503.10568, section 3.3): which rows the next step has
// A sample b has painted filled_b of N cells in its order; its step reads the tokens painted last (at the first step the
// class and the known tokens) as content, and asks for the next min(groups_b, N - filled_b) cells as queries. A sample
// that is done has no rows. With guidance every sample is two streams, b with its class and B + b without; the rows of
// all streams are packed one behind the other, streams in order, so that the two rows of a cell are Q / 2 apart.
// counts: [content rows, query rows, query rows of one half, ...] then per grid (x, y, z) for indirect dispatch
// grids: [G] of (row count to use, rows of a workgroup, workgroups in x, 0)
// state: [B] of (filled, entered); starts: [B] of (first content row, first content slot, first query row, first query)
// content, queries: [rows] of (stream, slot or place in the order, cell or -1 for the class, slots to see)
// groups: [T, B]; order: [B, N]; row_keys: [rows of one half], the number of a sample's cell for its random numbers
//   plan: one lane, since a step's rows are a running sum over the samples; some 60 us for up to 1000 (llvmpipe)
//   fill: one lane per stream
// cost: 16 bytes a row
override WG: u32 = 64;
struct Params { batch: u32, streams: u32, cells: u32, step: u32, grids: u32 }

@group(0) @binding(0) var<storage, read> groups: array<i32>;
@group(0) @binding(1) var<storage, read> grids: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> state: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> starts: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;

@group(0) @binding(0) var<storage, read> state_in: array<vec2u>;
@group(0) @binding(1) var<storage, read> starts_in: array<vec4u>;
@group(0) @binding(2) var<storage, read> counts_in: array<u32>;
@group(0) @binding(3) var<storage, read> order: array<i32>;
@group(0) @binding(4) var<storage, read> sample_keys: array<i32>;
@group(0) @binding(5) var<storage, read_write> content: array<vec4i>;
@group(0) @binding(6) var<storage, read_write> queries: array<vec4i>;
@group(0) @binding(7) var<storage, read_write> row_keys: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn plan() {
  var content_rows = 0u;
  var query_rows = 0u;
  for (var b = 0u; b < params.batch; b++) {
    let before = state[b];
    let unpainted = params.cells - before.x;
    starts[b] = vec4u(content_rows, before.y, query_rows, before.x);
    if (unpainted == 0u) { continue; }
    let group = clamp(u32(max(groups[params.step * params.batch + b], 0)), 1u, unpainted);
    content_rows += before.x + 1u - before.y;
    query_rows += group;
    state[b] = vec2u(before.x + group, before.x + 1u);
  }
  let halves = params.streams / params.batch;
  counts[0] = content_rows * halves;
  counts[1] = query_rows * halves;
  counts[2] = query_rows;
  for (var g = 0u; g < params.grids; g++) {
    let grid = grids[g];
    counts[4u + 3u * g] = grid.z;
    counts[5u + 3u * g] = (counts[grid.x] + grid.y - 1u) / grid.y;
    counts[6u + 3u * g] = 1u;
  }
}

@compute @workgroup_size(WG)
fn fill(@builtin(global_invocation_id) id: vec3u) {
  let stream = id.x;
  if (stream >= params.streams) { return; }
  let b = stream % params.batch;
  let half = stream / params.batch;
  let start = starts_in[b];
  let state = state_in[b];
  if (start.w == params.cells) { return; }
  // After plan, `entered` is where this step's content ends, and so what all rows of the step see.
  let halves = params.streams / params.batch;
  let limit = i32(state.y);
  var row = start.x + half * (counts_in[0] / halves);
  for (var slot = start.y; slot < state.y; slot++) {
    var cell = -1;
    if (slot > 0u) { cell = order[b * params.cells + slot - 1u]; }
    // A group sees all of itself, as published; what is known from the start is read as in training, one by one.
    content[row] = vec4i(i32(stream), i32(slot), cell, select(limit, i32(slot) + 1, start.y == 0u));
    row++;
  }
  row = start.z + half * counts_in[2];
  for (var place = start.w; place < state.x; place++) {
    let cell = order[b * params.cells + place];
    queries[row] = vec4i(i32(stream), i32(place), cell, limit);
    if (half == 0u) { row_keys[row] = sample_keys[b] * i32(params.cells) + cell; }
    row++;
  }
}
