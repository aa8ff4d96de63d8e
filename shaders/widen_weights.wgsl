// frozen weights out of their texture into a buffer of float32, for products that read buffers: y_i = w_i
// w: [K, N] in vec4 texels, float16 or float32 (lib/texture.wgsl); y: [K, N]; n = K N / 4
// one lane per texel; cost: 24 bytes a texel where w is float16
//@include grid
//@include texture
override WG: u32 = 64;
struct Params { n: u32 }

@group(0) @binding(0) var w: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { y[i] = textureLoad(w, texel(i)); }
}
