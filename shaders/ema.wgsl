// exponential moving averages of parameters, up to SLOTS tensors in one dispatch
//   update: a = a + (1 - decay) (p - a)
//   swap: a and p change places
// p, a: [size] of each tensor, four elements at a time: buffers hold a multiple of 256 bytes, and what lies behind the
// last element is nobody's. A lane takes the same place in every tensor; blocks0.. hold the sizes in vec4.
// cost: 3 FLOP an element, 2 reads and 1 or 2 writes; bound by memory
//@include grid
const SLOTS = 1u;
override WG: u32 = 64;
struct Params { blocks0: vec4u, blocks1: vec4u, rate: f32 }

//@unroll s 0 SLOTS
@group(0) @binding($(2 * s)) var<storage, read_write> p$s: array<vec4f>;
@group(0) @binding($(2 * s + 1)) var<storage, read_write> a$s: array<vec4f>;
//@end
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn update(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  //@unroll s 0 SLOTS
  if (i < params.blocks$(s / 4)[$(s % 4)]) {
    let a = a$s[i];
    a$s[i] = a + params.rate * (p$s[i] - a);
  }
  //@end
}

@compute @workgroup_size(WG)
fn swap(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  //@unroll s 0 SLOTS
  if (i < params.blocks$(s / 4)[$(s % 4)]) {
    let a = a$s[i];
    a$s[i] = p$s[i];
    p$s[i] = a;
  }
  //@end
}
