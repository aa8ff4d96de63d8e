// frozen weights written anew from those in training, into the textures that src/models/frozen_weights.ts lays out
// forward: packed[k, column(r)] = gain_k w[r, k], a PyTorch weight transposed, the gain of the norm before it folded in
//   column(r) = 4 first4 + r, or where two weights take turns every 4 turn4 columns the turn's place and r within it
//   columns of the padding get 0; rows of the padding (k >= inner) stay the zeros they are
// copy: packed = w, element by element
// w: [out, inner]; gain: [inner], any buffer without GAIN; packed: [K, N] in vec4 texels, 4 columns4 = N
// HALF rounds to the nearest float16, ties to even, as the host does: a store to such a texture may take either neighbour
// forward: one lane per texel, neighbours along k, which read neighbouring elements; copy: one lane per texel
// cost: 32 bytes a texel
//@include grid
//@include texture
override WG: u32 = 64;
override GAIN: u32 = 0;
override HALF: u32 = 0;
struct Params { n: u32, out: u32, inner: u32, columns4: u32, first4: u32, turn4: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var packed: texture_storage_2d<rgba32float, write>;

@group(0) @binding(0) var<storage, read> w4: array<vec4f>;
@group(0) @binding(1) var copied: texture_storage_2d<rgba32float, write>;
@group(1) @binding(0) var<uniform> params: Params;

fn stored(value: vec4f) -> vec4f {
  if (HALF == 0u) { return value; }
  let bits = bitcast<vec4u>(value);
  let normal = bitcast<vec4f>((bits + 0xfffu + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u));
  // Below 2^-14 the numbers of float16 are the multiples of 2^-24.
  let small = round(value * 16777216.0) / 16777216.0;
  return select(normal, small, abs(value) < vec4f(6.103515625e-5));
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let column = i / params.inner;
  let k = i % params.inner;
  var factor = 1.0;
  if (GAIN == 1u) { factor = gain[k]; }
  var value = vec4f();
  //@unroll q 0 4
  if (4u * column + $(q)u < params.out) { value[$q] = factor * w[(4u * column + $(q)u) * params.inner + k]; }
  //@end
  let at = params.first4 + column + column / params.turn4 * params.turn4;
  textureStore(packed, texel(k * params.columns4 + at), stored(value));
}

@compute @workgroup_size(WG)
fn copy(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i < params.n) { textureStore(copied, texel(i), stored(w4[i])); }
}
