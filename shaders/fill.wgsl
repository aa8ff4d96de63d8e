// y_i = value (given as bits, so that one kernel serves every element type)
// y: [n]; one lane per 4 elements, for buffers hold a multiple of 256 bytes, and what lies behind the last element is
// nobody's; a workgroup fills 256 elements
// cost: 1 write; 2^20 elements take 0.7 ms on llvmpipe beside other work, with workgroups of 16 lanes 1.6 ms
//@include grid
override WG: u32 = 64;
struct Params { n: u32, bits: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<vec4u>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i * 4u < params.n) { y[i] = vec4u(params.bits); }
}
