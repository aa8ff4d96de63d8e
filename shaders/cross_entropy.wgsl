// cross entropy of class ids: loss_n = lse_n - x_n[target_n], lse_n = log sum_j exp(x_n[j])
// backward: dx_n[j] = (exp(x_n[j] - lse_n) - [j = target_n]) * dloss_n; a target outside [0, V) gives 0 and no gradient
// x, dx: [rows, cols]; targets, lse, loss, dloss: [rows]; forward a lane per row in one pass (the sum is rescaled where
// the maximum grows), backward `lanes` lanes a row, each taking every lanes-th element; forward4 and backward_x4 the
// same on vec4, for cols divisible by 4: software adapters load a vec4 faster than two elements
// a lane may run 65,535 iterations in all and takes four elements in each; rows hold at most 65,536 elements
// cost: forward 1 read of x and about 6 FLOP an element, on llvmpipe at 49 % of the fastest copy's GB/s (bench/peak.ts)
// for 256 x 16384; backward 1 read, 1 write and about 4 FLOP
//@include grid
override WG: u32 = 32;
struct Params { rows: u32, cols: u32, lanes: u32 }
const LOWEST = -3.4028234e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;
@group(0) @binding(2) var<storage, read> lse_in: array<f32>;
@group(0) @binding(3) var<storage, read> dloss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(0) var<storage, read> x4: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx4: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let whole = base + params.cols / 4u * 4u;
  var m = LOWEST;
  var s = vec4f(0.0);
  for (var i = base; i < whole; i += 4u) {
    let v = vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
    let peak = max(m, max(max(v.x, v.y), max(v.z, v.w)));
    s = s * exp(m - peak) + exp(v - peak);
    m = peak;
  }
  for (var i = whole; i < base + params.cols; i++) {
    let peak = max(m, x[i]);
    s *= exp(m - peak);
    s.x += exp(x[i] - peak);
    m = peak;
  }
  let log_sum = m + log((s.x + s.y) + (s.z + s.w));
  lse[row] = log_sum;
  let target_id = u32(targets[row]);
  var value = 0.0;
  if (target_id < params.cols) { value = log_sum - x[base + target_id]; }
  loss[row] = value;
}

@compute @workgroup_size(WG)
fn forward4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.rows) { return; }
  let base = row * (params.cols / 4u);
  var m = LOWEST;
  var s = vec4f(0.0);
  for (var i = base; i < base + params.cols / 4u; i++) {
    let v = x4[i];
    let peak = max(m, max(max(v.x, v.y), max(v.z, v.w)));
    s = s * exp(m - peak) + exp(v - peak);
    m = peak;
  }
  let log_sum = m + log((s.x + s.y) + (s.z + s.w));
  lse[row] = log_sum;
  let target_id = u32(targets[row]);
  var value = 0.0;
  if (target_id < params.cols) { value = log_sum - x4[base + target_id / 4u][target_id % 4u]; }
  loss[row] = value;
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.lanes) { return; }
  let row = i / params.lanes;
  let target_id = u32(targets[row]);
  let log_sum = lse_in[row];
  let counts = target_id < params.cols;
  let scale = dloss[row];
  let base = row * params.cols;
  for (var j = i % params.lanes; j < params.cols; j += params.lanes) {
    let picked = select(0.0, 1.0, j == target_id);
    dx[base + j] = select(0.0, (exp(x[base + j] - log_sum) - picked) * scale, counts);
  }
}

@compute @workgroup_size(WG)
fn backward_x4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.lanes) { return; }
  let row = i / params.lanes;
  let target_id = u32(targets[row]);
  let log_sum = lse_in[row];
  let counts = target_id < params.cols;
  let scale = dloss[row];
  let cols = params.cols / 4u;
  for (var j = i % params.lanes; j < cols; j += params.lanes) {
    let picked = select(vec4f(0.0), vec4f(1.0), j * 4u + vec4u(0u, 1u, 2u, 3u) == vec4u(target_id));
    let gradient = (exp(x4[row * cols + j] - log_sum) - picked) * scale;
    dx4[row * cols + j] = select(vec4f(0.0), gradient, counts);
  }
}
