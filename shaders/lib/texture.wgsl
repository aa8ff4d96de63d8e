// Place of a tensor's vec4 number `index` in its texture copy: rows of 1024 texels (texelsPerRow of src/gpu/pool.ts).
fn texel(index: u32) -> vec2u {
  return vec2u(index & 1023u, index >> 10u);
}
