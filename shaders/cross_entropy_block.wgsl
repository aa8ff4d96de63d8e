// forward of cross_entropy.wgsl (formulas there) for GPUs; x: [rows, cols]; targets, lse, loss: [rows]
// one workgroup of WG lanes per row: lanes side by side read side by side, and reduce in workgroup memory
// cost: 1 read of x, about 6 FLOP an element; bound by memory; not measured on a GPU
//@include grid
//@include row_reduce
//@include row_softmax
override WG: u32 = 256;
struct Params { rows: u32, cols: u32, lanes: u32 }
const LOWEST = -3.4028234e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, 0u, 1u);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let sum = row_exponentials(base, params.cols, lane);
  if (lane > 0u) { return; }
  let log_sum = sum.x + log(sum.y);
  lse[row] = log_sum;
  let target_id = u32(targets[row]);
  var value = 0.0;
  if (target_id < params.cols) { value = log_sum - x[base + target_id]; }
  loss[row] = value;
}
