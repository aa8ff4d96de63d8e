// y_i = value (given as bits, so that one kernel serves every element type)
// y: [n]; one lane per element
//@include grid
override WG: u32 = 64;
struct Params { n: u32, bits: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y[i] = params.bits; }
}
