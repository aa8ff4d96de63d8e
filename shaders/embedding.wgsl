// embedding: y[n, c] = table[ids[n], c]; an id outside [0, V) gives zeros
// backward: dtable[v, c] = sum of dy[n, c] over the n with ids[n] = v, in ascending n: no atomics, the same bits always
//   1. chain: a lane per chunk of ids links the positions of each id inside its chunk
//   2. join: a lane per id links its chunks' lists into one
//   3. backward_table: a lane per (v, c) walks the list of v
// table, dtable: [V, C]; ids: [N]; y, dy: [N, C]; head, tail: [chunks, V]; next: [N]. `cols` is C, or C / 4 for the
// entry points on vec4, C / 4 / PIECES for forward4. A walk may take one iteration per position, so the host feeds at
// most 32,768 positions at once.
// cost: forward moves 2 N C floats, on llvmpipe at 60 % of the fastest copy's GB/s (bench/peak.ts) for 4096 ids and 256
// channels; backward N C + V C floats and 2 chunks V words
//@include grid
const PIECES = 1u;
override WG: u32 = 64;
struct Params { first: u32, count: u32, vocab: u32, cols: u32, chunk: u32, chunks: u32, accumulate: u32 }

@group(0) @binding(0) var<storage, read> table: array<f32>;
@group(0) @binding(0) var<storage, read> table4: array<vec4f>;
@group(0) @binding(1) var<storage, read> ids: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> y4: array<vec4f>;

@group(0) @binding(0) var<storage, read> chain_ids: array<i32>;
@group(0) @binding(1) var<storage, read_write> head: array<u32>; // 1 + position of the first, 0 for none
@group(0) @binding(2) var<storage, read_write> tail: array<u32>; // position of the last, where there is one
@group(0) @binding(3) var<storage, read_write> next: array<u32>; // 1 + position of the next, 0 at the end

@group(0) @binding(0) var<storage, read> tail_in: array<u32>;
@group(0) @binding(2) var<storage, read_write> next_out: array<u32>;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(0) var<storage, read> dy4: array<vec4f>;
@group(0) @binding(1) var<storage, read> head_in: array<u32>;
@group(0) @binding(2) var<storage, read> next_in: array<u32>;
@group(0) @binding(3) var<storage, read_write> dtable: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtable4: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.count * params.cols) { return; }
  let id = u32(ids[i / params.cols]);
  y[i] = select(0.0, table[id * params.cols + i % params.cols], id < params.vocab);
}

// A lane copies PIECES vec4 of a row, `cols` apart: what it must find out about the row is shared by them.
@compute @workgroup_size(WG)
fn forward4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.count * params.cols) { return; }
  let n = i / params.cols;
  let c = i - n * params.cols;
  let id = u32(ids[n]);
  let inside = id < params.vocab;
  let source = id * params.cols * PIECES + c;
  let place = n * params.cols * PIECES + c;
  //@unroll p 0 PIECES
  y4[place + $(p)u * params.cols] = select(vec4f(0.0), table4[source + $(p)u * params.cols], inside);
  //@end
}

@compute @workgroup_size(WG)
fn chain(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = flat_index(group, groups, lane, WG);
  if (g >= params.chunks) { return; }
  let begin = params.first + g * params.chunk;
  let end = min(begin + params.chunk, params.first + params.count);
  for (var n = begin; n < end; n++) {
    let id = u32(chain_ids[n]);
    if (id >= params.vocab) { continue; }
    let at = g * params.vocab + id;
    if (head[at] == 0u) { head[at] = n + 1u; } else { next[tail[at]] = n + 1u; }
    tail[at] = n;
    next[n] = 0u;
  }
}

// The joined list begins in row 0 of head.
@compute @workgroup_size(WG)
fn join(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let v = flat_index(group, groups, lane, WG);
  if (v >= params.vocab) { return; }
  var first = 0u;
  var last = 0u;
  for (var g = 0u; g < params.chunks; g++) {
    let at = g * params.vocab + v;
    let begin = head[at];
    if (begin == 0u) { continue; }
    if (first == 0u) { first = begin; } else { next_out[last] = begin; }
    last = tail_in[at];
  }
  head[v] = first;
}

@compute @workgroup_size(WG)
fn backward_table(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.vocab * params.cols) { return; }
  let c = i % params.cols;
  var sum = 0.0;
  if (params.accumulate != 0u) { sum = dtable[i]; }
  for (var at = head_in[i / params.cols]; at != 0u; at = next_in[at - 1u]) { sum += dy[(at - 1u) * params.cols + c]; }
  dtable[i] = sum;
}

@compute @workgroup_size(WG)
fn backward_table4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.vocab * params.cols) { return; }
  let c = i % params.cols;
  var sum = vec4f(0.0);
  if (params.accumulate != 0u) { sum = dtable4[i]; }
  for (var at = head_in[i / params.cols]; at != 0u; at = next_in[at - 1u]) { sum += dy4[(at - 1u) * params.cols + c]; }
  dtable4[i] = sum;
}
