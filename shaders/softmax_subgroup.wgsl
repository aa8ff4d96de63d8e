// softmax (formulas: softmax.wgsl) on software adapters, in subgroups of 8 lanes; x, y, dy, dx: [rows, cols], cols
// divisible by 4 and at most 32 OWN
// A workgroup is one subgroup and takes `share` rows, one after the other. Its lanes stand along a row, a vec4 each,
// and keep their OWN vec4 of it in registers: a load costs more there than anything else, so each element is loaded
// once.
// cost: 1 read and 1 write of the data forward, 2 reads and 1 write backward, about 5 FLOP an element; bound by the
// adapter's loads and stores: on llvmpipe 4096 x 64 takes 0.38 ms, 44 % of the fastest copy's GB/s (bench/peak.ts),
// 1024 x 1024 takes 1.25 ms, 53 %
//@include grid
//@include lane_reduce
const OWN = 2u;
struct Params { rows: u32, cols: u32, share: u32 }
const LOWEST = -3.4028234e38;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(0) var<storage, read> y_in: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * params.share;
  let cols = params.cols / 4u;
  for (var row = first; row < min(first + params.share, params.rows); row++) {
    let at = row * cols + lane;
    //@unroll o 0 OWN
    var x$o = vec4f(LOWEST);
    if ($(8 * o)u + lane < cols) { x$o = x[at + $(8 * o)u]; }
    //@end
    var peaks = x0;
    //@unroll o 1 OWN
    peaks = max(peaks, x$o);
    //@end
    let m = largest_of_lanes(peaks);
    var sums = vec4f();
    //@unroll o 0 OWN
    let e$o = select(vec4f(), exp(x$o - m), $(8 * o)u + lane < cols);
    sums += e$o;
    //@end
    let scale = 1.0 / sum_of_lanes(sums);
    //@unroll o 0 OWN
    if ($(8 * o)u + lane < cols) { y[at + $(8 * o)u] = e$o * scale; }
    //@end
  }
}

@compute @workgroup_size(8)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * params.share;
  let cols = params.cols / 4u;
  for (var row = first; row < min(first + params.share, params.rows); row++) {
    let at = row * cols + lane;
    var products = vec4f();
    //@unroll o 0 OWN
    var y$o = vec4f();
    var dy$o = vec4f();
    if ($(8 * o)u + lane < cols) {
      y$o = y_in[at + $(8 * o)u];
      dy$o = dy[at + $(8 * o)u];
    }
    products += y$o * dy$o;
    //@end
    let total = sum_of_lanes(products);
    //@unroll o 0 OWN
    if ($(8 * o)u + lane < cols) { dx[at + $(8 * o)u] = y$o * (dy$o - total); }
    //@end
  }
}
