// layer_norm (formulas: layer_norm.wgsl) on software adapters, in subgroups of 8 lanes; x, y, dy, dx: [rows, cols],
// cols divisible by 4 and at most 32 OWN; gain, bias: [cols]; stats: [rows, 2] = mean and 1 / sqrt(var + eps)
// A workgroup is one subgroup and takes `share` rows, one after the other. Its lanes stand along a row, a vec4 each,
// and keep their OWN vec4 of it, of gain and of bias in registers: a load costs more there than anything else.
// numerics: the mean first, then the squares around it: no cancellation for rows far from zero
// cost: 1 read of x and 1 write forward, 2 reads and 1 write backward; bound by the adapter's loads and stores: on
// llvmpipe 4096 x 64 takes 0.43 ms, 39 % of the fastest copy's GB/s (bench/peak.ts), 1024 x 1024 takes 1.25 ms, 53 %
//@include grid
//@include lane_reduce
const OWN = 2u;
struct Params { rows: u32, cols: u32, eps: f32, parts: u32, rows_per_part: u32, share: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> stats_out: array<vec2f>;

@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * params.share;
  let cols = params.cols / 4u;
  //@unroll o 0 OWN
  var gain$o = vec4f();
  var bias$o = vec4f();
  if ($(8 * o)u + lane < cols) {
    gain$o = gain[$(8 * o)u + lane];
    bias$o = bias[$(8 * o)u + lane];
  }
  //@end
  for (var row = first; row < min(first + params.share, params.rows); row++) {
    let at = row * cols + lane;
    var sums = vec4f();
    //@unroll o 0 OWN
    var x$o = vec4f();
    if ($(8 * o)u + lane < cols) { x$o = x[at + $(8 * o)u]; }
    sums += x$o;
    //@end
    let mean = sum_of_lanes(sums) / f32(params.cols);
    var squares = vec4f();
    //@unroll o 0 OWN
    let d$o = select(vec4f(), x$o - mean, $(8 * o)u + lane < cols);
    squares = fma(d$o, d$o, squares);
    //@end
    let scale = 1.0 / sqrt(sum_of_lanes(squares) / f32(params.cols) + params.eps);
    //@unroll o 0 OWN
    if ($(8 * o)u + lane < cols) { y[at + $(8 * o)u] = fma(d$o * scale, gain$o, bias$o); }
    //@end
    if (lane == 0u) { stats_out[row] = vec2f(mean, scale); }
  }
}

@compute @workgroup_size(8)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = flat_index(group, groups, 0u, 1u) * params.share;
  let cols = params.cols / 4u;
  //@unroll o 0 OWN
  var gain$o = vec4f();
  if ($(8 * o)u + lane < cols) { gain$o = gain[$(8 * o)u + lane]; }
  //@end
  for (var row = first; row < min(first + params.share, params.rows); row++) {
    let at = row * cols + lane;
    let moments = stats[row];
    var g_sums = vec4f();
    var gn_sums = vec4f();
    //@unroll o 0 OWN
    var g$o = vec4f();
    var n$o = vec4f();
    if ($(8 * o)u + lane < cols) {
      g$o = dy[at + $(8 * o)u] * gain$o;
      n$o = (x[at + $(8 * o)u] - moments.x) * moments.y;
    }
    g_sums += g$o;
    gn_sums = fma(g$o, n$o, gn_sums);
    //@end
    let g_mean = sum_of_lanes(g_sums) / f32(params.cols);
    let gn_mean = sum_of_lanes(gn_sums) / f32(params.cols);
    //@unroll o 0 OWN
    if ($(8 * o)u + lane < cols) { dx[at + $(8 * o)u] = moments.y * (g$o - g_mean - n$o * gn_mean); }
    //@end
  }
}
