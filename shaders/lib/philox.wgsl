// Philox 4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"):
// the same (counter, key) gives the same four words on every adapter, in any order of execution.
const PHILOX_M0: u32 = 0xD2511F53u;
const PHILOX_M1: u32 = 0xCD9E8D57u;

// High word of a 32 x 32 bit product, from 16-bit halves: WGSL has no wide multiplication.
fn mul_high(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let carry = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (carry >> 16u);
}

fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let high0 = mul_high(PHILOX_M0, c.x);
    let high1 = mul_high(PHILOX_M1, c.z);
    c = vec4u(high1 ^ c.y ^ k.x, PHILOX_M1 * c.z, high0 ^ c.w ^ k.y, PHILOX_M0 * c.x);
    k += vec2u(0x9E3779B9u, 0xBB67AE85u);
  }
  return c;
}

// A word as a float in the open interval (0, 1): 24 bits, so that neither end is reached and log() stays finite.
fn unit_float(word: u32) -> f32 {
  return (f32(word >> 8u) + 0.5) * 5.9604645e-8;
}
