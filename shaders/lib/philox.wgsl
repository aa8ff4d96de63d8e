// Philox 4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"):
// the same (counter, key) gives the same four words on every adapter, in any order of execution.
const PHILOX_M0: u32 = 0xD2511F53u;
const PHILOX_M1: u32 = 0xCD9E8D57u;
const PHILOX_STEP = vec2u(0x9E3779B9u, 0xBB67AE85u);

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

fn philox_round(c: vec4u, k: vec2u) -> vec4u {
  let high0 = mul_high(PHILOX_M0, c.x);
  let high1 = mul_high(PHILOX_M1, c.z);
  return vec4u(high1 ^ c.y ^ k.x, PHILOX_M1 * c.z, high0 ^ c.w ^ k.y, PHILOX_M0 * c.x);
}

// The rounds stand in a row: as a loop they would cost every caller ten of its 65,535 iterations a call.
fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = philox_round(counter, key);
  c = philox_round(c, key + PHILOX_STEP);
  c = philox_round(c, key + 2u * PHILOX_STEP);
  c = philox_round(c, key + 3u * PHILOX_STEP);
  c = philox_round(c, key + 4u * PHILOX_STEP);
  c = philox_round(c, key + 5u * PHILOX_STEP);
  c = philox_round(c, key + 6u * PHILOX_STEP);
  c = philox_round(c, key + 7u * PHILOX_STEP);
  c = philox_round(c, key + 8u * PHILOX_STEP);
  return philox_round(c, key + 9u * PHILOX_STEP);
}

// A word as a float in the open interval (0, 1): 23 bits and a half, so that neither end is reached by rounding.
fn unit_float(word: u32) -> f32 {
  return (f32(word >> 9u) + 0.5) * 1.1920929e-7;
}

// A word as a standard Gumbel number, -log(-log(1 - v)) with v = word / 2^32. The largest numbers decide a draw: they
// come from small v, which a float resolves finely, and a series stands in for log(1 - v), which cancels there.
fn gumbel(word: u32) -> f32 {
  let v = min((f32(word) + 0.5) * 2.3283064e-10, 0.99999994);
  let series = v * (1.0 + v * (0.5 + v * (0.33333334 + v * (0.25 + v * (0.2 + v * 0.16666667)))));
  return -log(select(-log(1.0 - v), series, v < 0.1));
}
