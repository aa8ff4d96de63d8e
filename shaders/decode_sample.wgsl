// guidance and the end of a decoding step (layout of rows: decode_plan.wgsl), for the query rows with a class
// guide: guided = uncond + s (cond - uncond); the row without a class stands `counts[2]` rows behind
//   s = scale, or with LINEAR s = 1 + (scale - 1) filled / N, filled counting the cells of this step (arXiv 2503.10568,
//   section 3.4, and its published code)
// settle: tokens[b, cell] = id, painted[b, cell] = step; with CHOSEN only where painted[b, cell] is the step already, as
//   decode_choose.wgsl marks the cells of a probing step that are painted
// logits: [2 Q, V], guided: [Q, V]; ids: [Q]; state: [B] of (filled, entered); tokens, painted: [B, N]
// guide: one lane per vec4, grid x over V / 4, y = rows; settle: one lane per row, grid y = rows / 8
// cost: guide 12 V bytes a row
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
