// table[row, i] = values[i]: keeps what a replayed step found until somebody reads all of it at once
// values: [n], table: [rows, n]; one lane per element
// cost: one read and one write of the values
//@include grid
override WG: u32 = 32;
struct Params { row: u32, n: u32 }

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> table: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { table[params.row * params.n + i] = values[i]; }
}
