// entropy of categorical distributions from their logits, row by row: h = -sum_j p_j log p_j = lse - E_p[x], p = softmax x
// backward: dx_j = -p_j (log p_j + h) dh; where p_j = 0 the term and the gradient are 0
// x, dx: [rows, cols]; h, lse, dh: [rows]; forward a lane per row in one pass (the sums are rescaled where the maximum
// grows), backward `lanes` lanes a row, each taking every lanes-th element
// a lane may run 65,535 iterations in all and takes four elements in each: rows hold at most 65,536 elements
// cost: forward 1 read and about 8 FLOP an element, backward 1 read, 1 write and about 6 FLOP
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32, lanes: u32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> h: array<f32>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(1) var<storage, read> h_in: array<f32>;
@group(0) @binding(2) var<storage, read> lse_in: array<f32>;
@group(0) @binding(3) var<storage, read> dh: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// sum: of exp(x - peak); gap: of exp(x - peak) (peak - x), all terms of one sign
struct Sums { peak: f32, sum: vec4f, gap: vec4f }

fn total(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }

fn take(before: Sums, v: vec4f) -> Sums {
  let peak = max(before.peak, max(max(v.x, v.y), max(v.z, v.w)));
  // Under the first peak, the lowest float, all sums are 0 and the rise overflows.
  let scale = exp(before.peak - peak);
  let rise = select(peak - before.peak, 0.0, scale == 0.0);
  let e = exp(v - peak);
  let gap = select(e * (peak - v), vec4f(0.0), e == vec4f(0.0));
  return Sums(peak, before.sum * scale + e, (before.gap + before.sum * rise) * scale + gap);
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  var sums = Sums(LOWEST, vec4f(0.0), vec4f(0.0));
  for (var i = base; i < whole; i += 4u) { sums = take(sums, vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u])); }
  for (var i = whole; i < base + params.cols; i++) { sums = take(sums, vec4f(x[i], vec3f(LOWEST))); }
  let sum = total(sums.sum);
  h[row] = log(sum) + total(sums.gap) / sum;
  lse[row] = sums.peak + log(sum);
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.lanes) { return; }
  let row = i / params.lanes;
  let log_sum = lse_in[row];
  let entropy = h_in[row];
  let scale = dh[row];
  let end = (row + 1u) * params.cols;
  for (var j = row * params.cols + i % params.lanes; j < end; j += params.lanes) {
    let log_p = x[j] - log_sum;
    let p = exp(log_p);
    dx[j] = select(-p * (log_p + entropy) * scale, 0.0, p == 0.0);
  }
}
