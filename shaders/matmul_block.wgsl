// matmul for GPUs, with the meaning of matmul.wgsl: c[b,m,n] = act(sum_k a[b,m,k] * w[b,k,n] + bias[n])
// A workgroup of 16 x 16 lanes owns 64 T rows x 64 T columns and walks k in slabs of 16 / T: each lane brings one vec4
// of a and of w into workgroup memory (the next slab's while this one is summed up) and owns 4 T x 4 T sums.
// a: [B,M,K], or with A_T [B,K,M]; w: [B,K,N], or with W_T [B,N,K], batch stride 0 broadcasts; c: [P,B,M,N]
// any size: what lies outside reads as zero and is not written; lanes side by side load neighbouring elements
// P parts of the sum where there are few tiles: part p takes k from p k_part, and `finish` adds the parts up
// grid: one workgroup per part, matrix and tile, column tiles first; loop turns of a lane: k_part T / 16
// finish: one lane per element of c
// cost: 2 B M N K FLOP; memory 4 B M N K (1 / 64 T + 1 / 64 T) bytes, that is 16 T FLOP a byte; workgroup memory
//   16 T FLOP a vec4; not measured on a GPU
//@include grid
//@include epilogue
override BIAS: u32 = 0;
override A_T: u32 = 0;
override W_T: u32 = 0;
const T = 1u;
struct Params { m: u32, n: u32, k: u32, k_part: u32, parts: u32, batch: u32, a_batch: u32, w_batch: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> bias_in: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums_out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// A slab: quads of rows or columns by k. The odd width keeps lanes that store different k out of the same bank.
const WIDTH = $(16 * T + 1)u;
var<workgroup> a_slab: array<vec4f, $(16 / T * (16 * T + 1))>;
var<workgroup> w_slab: array<vec4f, $(16 / T * (16 * T + 1))>;

// Quad and k that a lane loads: lanes side by side go along the axis that is contiguous in memory
fn place(lane: u32, along_k: bool) -> vec2u {
  return select(vec2u(lane % $(16 * T)u, lane / $(16 * T)u), vec2u(lane / $(16 / T)u, lane % $(16 / T)u), along_k);
}

fn load_a(base: u32, row: u32, k: u32, end: u32) -> vec4f {
  var quad = vec4f();
  let step = select(params.k, 1u, A_T == 1u);
  let at = base + row * step + k * select(1u, params.m, A_T == 1u);
  //@unroll e 0 4
  if (k < end && row + $(e)u < params.m) { quad[$(e)u] = a[at + $(e)u * step]; }
  //@end
  return quad;
}

fn load_w(base: u32, col: u32, k: u32, end: u32) -> vec4f {
  var quad = vec4f();
  let step = select(1u, params.k, W_T == 1u);
  let at = base + col * step + k * select(params.n, 1u, W_T == 1u);
  //@unroll e 0 4
  if (k < end && col + $(e)u < params.n) { quad[$(e)u] = w[at + $(e)u * step]; }
  //@end
  return quad;
}

fn store(sums: vec4f, base: u32, row: u32, col: u32) {
  if (row >= params.m) { return; }
  var z = sums;
  if (BIAS == 1u) {
    //@unroll e 0 4
    if (col + $(e)u < params.n) { z[$(e)u] += bias[col + $(e)u]; }
    //@end
  }
  let y = activate(z);
  let at = base + row * params.n + col;
  //@unroll e 0 4
  if (col + $(e)u < params.n) { c[at + $(e)u] = y[$(e)u]; }
  //@end
}

@compute @workgroup_size(256)
fn block(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let across = (params.n + $(64 * T - 1)u) / $(64 * T)u;
  let tiles = across * ((params.m + $(64 * T - 1)u) / $(64 * T)u);
  let number = flat_index(group, groups, 0u, 1u);
  let matrix = number / tiles; // part, then batch
  if (matrix >= params.parts * params.batch) { return; }
  let tile = number % tiles;
  let b = matrix % params.batch;
  let k_start = matrix / params.batch * params.k_part;
  let k_end = min(k_start + params.k_part, params.k);
  let row = tile / across * $(64 * T)u;
  let col = tile % across * $(64 * T)u;
  let a_base = b * params.a_batch;
  let w_base = b * params.w_batch;
  let a_place = place(lane, A_T == 0u);
  let w_place = place(lane, W_T == 1u);
  let y = lane / 16u;
  let x = lane % 16u;
  //@unroll i 0 T
  //@unroll j 0 T
  //@unroll e 0 4
  var c$(i)_$(e)_$(j) = vec4f();
  //@end
  //@end
  //@end
  var a_next = load_a(a_base, row + a_place.x * 4u, k_start + a_place.y, k_end);
  var w_next = load_w(w_base, col + w_place.x * 4u, k_start + w_place.y, k_end);
  for (var k = k_start; k < k_end; k += $(16 / T)u) {
    a_slab[a_place.y * WIDTH + a_place.x] = a_next;
    w_slab[w_place.y * WIDTH + w_place.x] = w_next;
    workgroupBarrier();
    a_next = load_a(a_base, row + a_place.x * 4u, k + $(16 / T)u + a_place.y, k_end);
    w_next = load_w(w_base, col + w_place.x * 4u, k + $(16 / T)u + w_place.y, k_end);
    //@unroll s 0 16/T
    {
      //@unroll i 0 T
      let a$i = a_slab[$(s)u * WIDTH + y + $(16 * i)u];
      let w$i = w_slab[$(s)u * WIDTH + x + $(16 * i)u];
      //@end
      //@unroll i 0 T
      //@unroll j 0 T
      //@unroll e 0 4
      c$(i)_$(e)_$(j) = fma(vec4f(a$i[$(e)u]), w$j, c$(i)_$(e)_$(j));
      //@end
      //@end
      //@end
    }
    //@end
    workgroupBarrier();
  }
  let c_base = matrix * params.m * params.n;
  //@unroll i 0 T
  //@unroll j 0 T
  //@unroll e 0 4
  store(c$(i)_$(e)_$(j), c_base, row + (y + $(16 * i)u) * 4u + $(e)u, col + (x + $(16 * j)u) * 4u);
  //@end
  //@end
  //@end
}

@compute @workgroup_size(64)
fn finish(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, 64u);
  let size = params.batch * params.m * params.n;
  if (i >= size) { return; }
  var sum = 0.0;
  for (var part = 0u; part < params.parts; part++) { sum += partial[part * size + i]; }
  if (BIAS == 1u) { sum += bias_in[i % params.n]; }
  sums_out[i] = activate(vec4f(sum)).x;
}
