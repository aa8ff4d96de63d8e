// cross entropy of class ids: loss_n = lse_n - x_n[target_n], lse_n = log sum_j exp(x_n[j])
// backward: dx_n[j] = (exp(x_n[j] - lse_n) - [j = target_n]) * dloss_n; a target outside [0, V) gives 0 and no gradient
// x, dx: [rows, cols]; targets, lse, loss, dloss: [rows]; forward a lane per row, backward a lane per element
// four elements an iteration: a lane may run 65,535 iterations in all; so rows hold at most 65,536 elements
// cost: forward 2 reads of x and about 4 FLOP an element, backward 1 read and 1 write
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32 }
const LOWEST = -3.402823e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;
@group(0) @binding(2) var<storage, read> lse_in: array<f32>;
@group(0) @binding(3) var<storage, read> dloss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  let end = base + params.cols;
  var m = LOWEST;
  for (var i = base; i < whole; i += 4u) { m = max(max(max(m, x[i]), max(x[i + 1u], x[i + 2u])), x[i + 3u]); }
  for (var i = whole; i < end; i++) { m = max(m, x[i]); }
  var s = vec4f(0.0);
  for (var i = base; i < whole; i += 4u) { s += exp(vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]) - m); }
  for (var i = whole; i < end; i++) { s.x += exp(x[i] - m); }
  let log_sum = m + log((s.x + s.y) + (s.z + s.w));
  lse[row] = log_sum;
  let target_id = u32(targets[row]);
  var value = 0.0;
  if (target_id < params.cols) { value = log_sum - x[base + target_id]; }
  loss[row] = value;
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.cols) { return; }
  let row = i / params.cols;
  let target_id = u32(targets[row]);
  let picked = select(0.0, 1.0, i % params.cols == target_id);
  var value = 0.0;
  if (target_id < params.cols) { value = (exp(x[i] - lse_in[row]) - picked) * dloss[row]; }
  dx[i] = value;
}
