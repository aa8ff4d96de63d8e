// guidance and the end of a decoding step (layout of rows: decode_plan.wgsl), for the query rows with a class
// guide: guided = uncond + s (cond - uncond); the row without a class stands `counts[2]` rows behind
//   s = scale, or with LINEAR s = 1 + (scale - 1) filled / N, filled counting the cells of this step (arXiv 2503.10568,
//   section 3.4, and its published code)
// settle: tokens[b, cell] = id, painted[b, cell] = step; with CHOSEN only where painted[b, cell] is the step already, as
//   decode_choose.wgsl marks the cells of a probing step that are painted
// surprise: log_probs[b, cell] = log softmax(scale guided row)[id] of the rows whose cells this step painted
// logits: [2 Q, V], guided: [Q, V]; ids: [Q]; state: [B] of (filled, entered); tokens, painted: [B, N]
// guide: one lane per vec4, grid x over V / 4, y = rows; settle: one lane per row, grid y = rows / 8; surprise: the same, guided bound as logits
// cost: guide 12 V bytes a row, surprise 8 V
override LINEAR: u32 = 0;
override CHOSEN: u32 = 0;
struct Params { cols4: u32, cells: u32, step: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;
@group(0) @binding(3) var<storage, read> state: array<vec2u>;
@group(0) @binding(4) var<storage, read_write> guided: array<vec4f>;

@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(3) var<storage, read_write> tokens: array<i32>;
@group(0) @binding(4) var<storage, read_write> painted: array<i32>;

@group(0) @binding(3) var<storage, read> ids_in: array<i32>;
@group(0) @binding(4) var<storage, read> painted_in: array<i32>;
@group(0) @binding(5) var<storage, read_write> log_probs: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8)
fn guide(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * 8u + lane;
  let row = group.y;
  if (row >= counts[2] || c >= params.cols4) { return; }
  var s = params.scale;
  if (LINEAR == 1u) { s = 1.0 + (s - 1.0) * f32(state[u32(rows[row].x)].x) / f32(params.cells); }
  let at = row * params.cols4 + c;
  let uncond = logits[at + counts[2] * params.cols4];
  guided[at] = uncond + s * (logits[at] - uncond);
}

@compute @workgroup_size(8)
fn settle(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 8u + lane;
  if (row >= counts[2]) { return; }
  let at = u32(rows[row].x) * params.cells + u32(rows[row].z);
  if (CHOSEN == 1u && painted[at] != i32(params.step)) { return; }
  tokens[at] = ids[row];
  painted[at] = i32(params.step);
}

@compute @workgroup_size(8)
fn surprise(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 8u + lane;
  if (row >= counts[2]) { return; }
  let at = u32(rows[row].x) * params.cells + u32(rows[row].z);
  if (painted_in[at] != i32(params.step)) { return; }
  let first = row * params.cols4;
  var top = vec4f(-3.402823e38);
  for (var c = 0u; c < params.cols4; c++) { top = max(top, logits[first + c]); }
  let largest = max(max(top.x, top.y), max(top.z, top.w));
  var sums = vec4f();
  for (var c = 0u; c < params.cols4; c++) {
    // Columns beyond the vocabulary hold the lowest number: exp gives 0.
    sums += exp(max(params.scale * (logits[first + c] - largest), vec4f(-100.0)));
  }
  let id = u32(ids_in[row]);
  let own = logits[first + id / 4u][id % 4u];
  log_probs[at] = params.scale * (own - largest) - log(sums.x + sums.y + sums.z + sums.w);
}
