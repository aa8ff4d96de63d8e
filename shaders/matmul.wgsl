// matmul: c[b,m,n] = act(sum_k a[b,m,k] * w[b,k,n] + bias[n]), with a and w stored as they are or transposed
// naive: any size and layout through strides, one lane per output; the reference of the tiles of matmul_subgroup.wgsl
// a: [B,M,K] or [B,K,M]; w: [B,K,N] or [B,N,K], batch stride 0 broadcasts; c: [B,M,N]
// k runs from k_start to k_end; ADD adds to c: a long sum takes several launches (llvmpipe ends loops at 65535 turns)
// cost: 2 B M N K FLOP; 0.24 GFLOP/s by CPU time at 511 (llvmpipe on 2 cores of an AMD EPYC)
//@include grid
//@include epilogue
override BIAS: u32 = 0;
override ADD: u32 = 0;
struct Params {
  m: u32, n: u32, k_start: u32, k_end: u32,
  a_batch: u32, w_batch: u32,  // elements between matrices
  a_row: u32, a_k: u32, w_k: u32, w_col: u32,  // element strides, naive only
  k: u32, batch: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(32)
fn naive(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let out = flat_index(group, groups, lane, 32u);
  if (out >= params.batch * params.m * params.n) { return; }
  let n = out % params.n;
  let row = out / params.n;
  let m = row % params.m;
  let b = row / params.m;
  var sum = 0.0;
  var ai = b * params.a_batch + m * params.a_row + params.k_start * params.a_k;
  var wi = b * params.w_batch + n * params.w_col + params.k_start * params.w_k;
  for (var k = params.k_start; k < params.k_end; k++) {
    sum = fma(a[ai], w[wi], sum);
    ai += params.a_k;
    wi += params.w_k;
  }
  if (ADD == 1u) { sum += c[out]; }
  if (BIAS == 1u) { sum += bias[n]; }
  c[out] = activate(vec4f(sum)).x;
}

// dz = dc * act'(z), from the activation's output c
@group(0) @binding(0) var<storage, read> y_in: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dz: array<f32>;

@compute @workgroup_size(64)
fn backward_activation(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, 64u);
  if (i >= params.m * params.n) { return; }
  let y = y_in[i];
  switch ACT {
    case 1u: { dz[i] = select(0.0, dy[i], y > 0.0); }
    case 2u: { dz[i] = dy[i] * (1.0 - y * y); }
    default: { dz[i] = dy[i] * y * (1.0 - y); }
  }
}

// Sums of ROWS rows at a time, [m, n] -> [ceil(m / ROWS), n], one lane per column: the gradient of the bias in levels
const ROWS = 128u;
@group(0) @binding(0) var<storage, read> rows_in: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(32)
fn sum_rows(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.n) { return; }
  var sum = 0.0;
  for (var r = id.y * ROWS; r < min((id.y + 1u) * ROWS, params.m); r++) { sum += rows_in[r * params.n + id.x]; }
  sums[id.y * params.n + id.x] = sum;
}
