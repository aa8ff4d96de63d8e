// GRPO loss of each token: loss = weight * (surrogate + beta * kl)
// d = new - old, rho = exp d, surrogate = -min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A), for A < 0 at most -delta A
// e = ref - new, k2 = e^2 / 2, k3 = exp e - 1 - e
// slope = d loss / d new = weight * (-rho A where neither clip nor delta acts, else 0; plus beta * (-e or 1 - exp e))
// logp_new, logp_old, logp_ref, weight, loss, slope: [rows, cols]; advantage: [rows]; one lane per token
// a token of weight 0 gives 0 whatever its inputs; d and e are held within +-80, so that exp stays finite and A = 0 gives 0
// statistics: partials[lane] over every lanes-th token, then one lane joins them; out: [kl, clip fraction, max rho, max |d|]
// cost: 5 reads and 2 writes a token, about 40 FLOP; bound by memory
//@include grid
override WG: u32 = 32;
override KL: u32 = 0; // 0 none, 2 k2, 3 k3
struct Params { n: u32, cols: u32, clip_low: f32, clip_high: f32, delta: f32, beta: f32, lanes: u32 }

@group(0) @binding(0) var<storage, read> logp_new: array<f32>;
@group(0) @binding(1) var<storage, read> logp_old: array<f32>;
@group(0) @binding(2) var<storage, read> logp_ref: array<f32>;
@group(0) @binding(3) var<storage, read> advantage: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss: array<f32>;
@group(0) @binding(6) var<storage, read_write> slope: array<f32>;
@group(0) @binding(0) var<storage, read> slope_in: array<f32>;
@group(0) @binding(1) var<storage, read> dloss: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec4f>; // kl, clipped tokens, tokens
@group(0) @binding(6) var<storage, read_write> peaks: array<vec2u>; // rho, |d|
@group(0) @binding(0) var<storage, read> sums_in: array<vec4f>;
@group(0) @binding(1) var<storage, read> peaks_in: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// exp x - 1 - x. Near 0, where policies start, the difference would cancel: a series there.
fn exp_remainder(x: f32) -> f32 {
  let series = x * x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * (0.0083333338 + x * (0.0013888889 + x * 0.0001984127)))));
  return select(exp(x) - 1.0 - x, series, abs(x) < 0.5);
}

// NaN passes: clamp would turn it into a bound.
fn bounded(x: f32) -> f32 { return select(x, sign(x) * 80.0, abs(x) > 80.0); }

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let a = advantage[i / params.cols];
  let d = bounded(logp_new[i] - logp_old[i]);
  let rho = 1.0 + d + exp_remainder(d);
  let unclipped = -rho * a;
  let clipped = -clamp(rho, 1.0 - params.clip_low, 1.0 + params.clip_high) * a;
  let held = clipped > unclipped; // not max, which loses NaN
  var value = select(unclipped, clipped, held);
  var rate = select(unclipped, 0.0, held);
  if (a < 0.0 && value > -params.delta * a) {
    value = -params.delta * a;
    rate = 0.0;
  }
  if (KL != 0u) {
    let e = bounded(logp_ref[i] - logp_new[i]);
    let remainder = exp_remainder(e);
    value += params.beta * select(remainder, 0.5 * e * e, KL == 2u);
    rate -= params.beta * select(remainder + e, e, KL == 2u);
  }
  let w = weight[i];
  loss[i] = select(w * value, 0.0, w == 0.0);
  slope[i] = select(w * rate, 0.0, w == 0.0);
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  dx[i] = slope_in[i] * dloss[i];
}

@compute @workgroup_size(WG)
fn statistics(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, lane, WG);
  if (first >= params.lanes) { return; }
  var total = vec4f(0.0);
  var peak = vec2u(0u);
  for (var i = first; i < params.n; i += params.lanes) {
    if (weight[i] == 0.0) { continue; }
    let a = advantage[i / params.cols];
    let d = bounded(logp_new[i] - logp_old[i]);
    let rho = 1.0 + d + exp_remainder(d);
    let cut = (a < 0.0 && rho < 1.0 - params.clip_low) || (a > 0.0 && rho > 1.0 + params.clip_high);
    total += vec4f(exp_remainder(bounded(logp_ref[i] - logp_new[i])), select(0.0, 1.0, cut), 1.0, 0.0);
    // The bits of floats that are not negative are in their order, with NaN on top, which max would lose.
    peak = max(peak, bitcast<vec2u>(vec2f(rho, abs(logp_new[i] - logp_old[i]))) & vec2u(0x7fffffffu));
  }
  sums[first] = total;
  peaks[first] = peak;
}

@compute @workgroup_size(WG)
fn join_statistics(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (flat_index(group, groups, lane, WG) != 0u) { return; }
  var total = vec4f(0.0);
  var peak = vec2u(0u);
  for (var i = 0u; i < params.lanes; i++) {
    total += sums_in[i];
    peak = max(peak, peaks_in[i]);
  }
  let tokens = max(total.z, 1.0);
  out[0] = total.x / tokens;
  out[1] = total.y / tokens;
  out[2] = bitcast<f32>(peak.x);
  out[3] = bitcast<f32>(peak.y);
}
