// sum_i = a_i + b_i: how the tape adds the gradients that meet in one tensor
// a, b, sum: [n]; one lane per 4 elements, for buffers hold a multiple of 256 bytes, and what lies behind the last
// element is nobody's; a workgroup adds 256 elements
// cost: 1 FLOP an element, 2 reads and 1 write; 2^20 elements take 2.1 ms on llvmpipe beside other work, with workgroups
// of 16 lanes 2.9 ms
//@include grid
override WG: u32 = 64;
struct Params { n: u32 }

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> sum: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i * 4u < params.n) { sum[i] = a[i] + b[i]; }
}
