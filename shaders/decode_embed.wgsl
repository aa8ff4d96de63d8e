// what the two passes of a decoding step start from, for the rows in use (layout: decode_plan.wgsl)
// content: the embedding of the class (slot 0) or of the token at the row's cell; queries: the mask embedding; both plus
// the embedding of the cell where POSITIONS = 1
// table: [V + classes + 3, C], positions: [N, C], x: [rows, C], vec4 texels; tokens: [B, N]; classes: [S] ids in table
// one lane per vec4; grid x = workgroups over C / 4, y = rows
// cost: 32 bytes a vec4
//@include texture
override POSITIONS: u32 = 0;
override QUERIES: u32 = 0;
struct Params { rows: u32, channels4: u32, batch: u32, cells: u32, mask_id: u32 }

@group(0) @binding(0) var table: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var positions: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read> counts: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<vec4i>;
@group(0) @binding(4) var<storage, read> tokens: array<i32>;
@group(0) @binding(5) var<storage, read> classes: array<i32>;
@group(0) @binding(6) var x: texture_storage_2d<rgba32float, write>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * 8u + lane;
  let row = group.y;
  if (row >= counts[params.rows] || c >= params.channels4) { return; }
  let at = rows[row];
  var id = params.mask_id;
  if (QUERIES == 0u) {
    if (at.z < 0) {
      id = u32(classes[u32(at.x)]);
    } else {
      id = u32(tokens[(u32(at.x) % params.batch) * params.cells + u32(at.z)]);
    }
  }
  var value = textureLoad(table, texel(id * params.channels4 + c));
  if (POSITIONS == 1u && at.z >= 0) { value += textureLoad(positions, texel(u32(at.z) * params.channels4 + c)); }
  textureStore(x, texel(row * params.channels4 + c), value);
}
