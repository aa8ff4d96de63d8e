// What an adapter reaches at most: products and sums in registers, and a copy of memory.
//
// `arithmetic`: three chains y = y a + b of four components a lane, so that no chain waits for itself, and no more, so
// that all of it fits the 16 registers of a CPU; 64 turns of 8 steps, 12,288 operations a lane.
// `copy`: y = x, VECTORS vec4 a lane, WG apart; `copy_texels`: the same from a texture, which software adapters read
// faster than a buffer.
//@include grid
//@include texture
const VECTORS = 1u;
override WG: u32 = 64;
struct Params { count: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(0) var texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn arithmetic(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.count) { return; }
  let start = x[i];
  let a = start.x;
  let b = start.y;
  //@unroll c 0 3
  var y$c = start + $c.0;
  //@end
  for (var turn = 0u; turn < 64u; turn++) {
    //@unroll step 0 8
    //@unroll c 0 3
    y$c = fma(y$c, vec4f(a), vec4f(b));
    //@end
    //@end
  }
  y[i] = y0 + y1 + y2;
}

@compute @workgroup_size(WG)
fn copy(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * VECTORS * WG + lane;
  //@unroll v 0 VECTORS
  let i$v = first + $(v)u * WG;
  if (i$v < params.count) { y[i$v] = x[i$v]; }
  //@end
}

@compute @workgroup_size(WG)
fn copy_texels(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * VECTORS * WG + lane;
  //@unroll v 0 VECTORS
  let i$v = first + $(v)u * WG;
  if (i$v < params.count) { y[i$v] = textureLoad(texels, texel(i$v)); }
  //@end
}
