// AdamW (Loshchilov and Hutter 2019, algorithm 2, in PyTorch's form), up to SLOTS tensors in one dispatch:
//   g = clip * grad, clip = min(1, max_norm / (norm + 1e-6)), norm over the gradients of all tensors
//   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
//   p = p (1 - rate * decay) - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
// gain = 1 - beta comes from the host: 1 - 0.999 has only five digits left in float32
// norm: [1]; g, p, m, v: [size] of each tensor, four elements at a time: buffers hold a multiple of 256 bytes, and what
// lies behind the last element is nobody's. A lane takes the same place in every tensor, so the host groups tensors of
// like size; blocks0.. hold the sizes in vec4, 0 for an empty slot.
// cost: 14 FLOP an element, 4 reads and 3 writes; bound by memory: with the norm of the gradients 55 % of the fastest
// copy's GB/s (bench/peak.ts) for 2^20 elements on llvmpipe
//@include grid
const SLOTS = 1u;
override WG: u32 = 64;
struct Params {
  blocks0: vec4u, blocks1: vec4u, decay0: vec4f, decay1: vec4f,
  rate: f32, gain1: f32, beta2: f32, gain2: f32, eps: f32, bias1: f32, bias2_root: f32, max_norm: f32,
}

@group(0) @binding(0) var<storage, read> norm: array<f32>;
//@unroll s 0 SLOTS
@group(0) @binding($(1 + s)) var<storage, read> g$s: array<vec4f>;
@group(0) @binding($(1 + SLOTS + 3 * s)) var<storage, read_write> p$s: array<vec4f>;
@group(0) @binding($(2 + SLOTS + 3 * s)) var<storage, read_write> m$s: array<vec4f>;
@group(0) @binding($(3 + SLOTS + 3 * s)) var<storage, read_write> v$s: array<vec4f>;
//@end
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let bound = norm[0] + 1e-6;
  let clip = select(1.0, params.max_norm / bound, bound > params.max_norm);
  //@unroll s 0 SLOTS
  if (i < params.blocks$(s / 4)[$(s % 4)]) {
    let g = clip * g$s[i];
    let before = m$s[i];
    let m = before + params.gain1 * (g - before);
    let v = params.beta2 * v$s[i] + params.gain2 * g * g;
    m$s[i] = m;
    v$s[i] = v;
    let step = (params.rate / params.bias1) * m / (sqrt(v) / params.bias2_root + params.eps);
    p$s[i] = p$s[i] * (1.0 - params.rate * params.decay$(s / 4)[$(s % 4)]) - step;
  }
  //@end
}
