// table[r, column, i] = values[r, i]: what a replayed step found, kept beside what earlier ones found
// values: [R, n]; table: [R, T, n], of any element type: bits are copied as they are; one lane per element
// cost: one read and one write of the values
//@include grid
override WG: u32 = 64;
struct Params { column: u32, columns: u32, n: u32, size: u32 }

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> table: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = flat_index(group, groups, lane, WG);
  if (index >= params.size) { return; }
  let row = index / params.n;
  table[(row * params.columns + params.column) * params.n + index % params.n] = values[index];
}
