// The activation that a product applies to its sums, chosen when the pipeline is made
override ACT: u32 = 0; // 0 none, 1 relu, 2 tanh, 3 sigmoid

fn activate(z: vec4f) -> vec4f {
  switch ACT {
    case 1u: { return max(z, vec4f(0.0)); }
    case 2u: { return 1.0 - 2.0 / (1.0 + exp(2.0 * clamp(z, vec4f(-15.0), vec4f(15.0)))); }
    case 3u: { return 1.0 / (1.0 + exp(-z)); }
    default: { return z; }
  }
}
