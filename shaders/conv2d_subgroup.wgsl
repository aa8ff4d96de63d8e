// conv2d in subgroups of 8 lanes: formulas, layouts, Params and `packed` as in conv2d.wgsl
// A workgroup is one subgroup and owns 16 rows x 32 channels of a product; its lanes stand along the channels, 4 each.
// Each lane gathers two rows' values from the source image, one at a time, and broadcasts them to the others: two
// scalar loads and one vec4 load feed 64 multiply-adds, where software adapters pay for a load as for 8 of these.
// correlate: rows are target pixels; the sum runs over taps and source channels
// weight_partial: rows are weights [C KH KW] of one output channel; the sum runs over the target pixels of one part
// cost: 2 B O YH YW C KH KW FLOP each
//@include grid
override RELU: u32 = 0;
struct Params {
  batch: u32,
  source_channels: u32,
  source_h: u32,
  source_w: u32,
  source_stride: u32,
  target_channels: u32,
  target_h: u32,
  target_w: u32,
  target_stride: u32,
  kernel_h: u32,
  kernel_w: u32,
  step: i32,
  tap: i32,
  divide: i32,
  origin_y: i32,
  origin_x: i32,
  parts: u32,
  rows_per_part: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> channels_last_out: array<f32>;

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>; // channels last: of weights, or of dy
@group(0) @binding(2) var<storage, read_write> product: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// dy [B, O, YH, YW] to [B, YH, YW, O], with O padded by zeros to a multiple of 8
@compute @workgroup_size(64)
fn channels_last(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, 64u);
  let plane = params.target_h * params.target_w;
  let width = (params.target_channels + 7u) / 8u * 8u;
  let pixel = i / width;
  let o = i % width;
  if (pixel >= params.batch * plane) { return; }
  var value = 0.0;
  if (o < params.target_channels) { value = dy[(pixel / plane * params.target_channels + o) * plane + pixel % plane]; }
  channels_last_out[i] = value;
}

// Four channels of one row of the product, where they exist
fn store(value: vec4f, channel: u32, start: u32, stride: u32) {
  //@unroll c 0 4
  if (channel + $(c)u < params.target_channels) {
    product[start + (channel + $(c)u) * stride] = select(value[$(c)u], 0.0, RELU == 1u && value[$(c)u] < 0.0);
  }
  //@end
}

@compute @workgroup_size(8)
fn correlate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let tiles = (params.target_channels + 31u) / 32u;
  let workgroup = flat_index(group, groups, 0u, 1u);
  let first = workgroup / tiles * 16u;
  let plane = params.target_h * params.target_w;
  let source_plane = params.source_h * params.source_w;
  let pixels = params.batch * plane;
  if (first >= pixels) { return; }
  let width = (params.target_channels + 7u) / 8u * 2u;
  let column = workgroup % tiles * 8u + lane;
  var row = min(column, width - 1u);
  let bias = packed[row + params.kernel_h * params.kernel_w * params.source_channels * width];
  //@unroll p 0 16
  var acc$p = bias;
  //@end
  //@unroll g 0 2
  let at$g = first + $(g * 8)u + lane;
  let image$g = at$g / plane * params.source_channels * source_plane;
  let y$g = i32(at$g % plane / params.target_w) * params.step + params.origin_y;
  let x$g = i32(at$g % params.target_w) * params.step + params.origin_x;
  //@end
  for (var k = 0; k < i32(params.kernel_h); k++) {
    for (var l = 0; l < i32(params.kernel_w); l++) {
      //@unroll g 0 2
      let v$g = y$g + params.tap * k;
      let u$g = x$g + params.tap * l;
      let vq$g = v$g / params.divide;
      let uq$g = u$g / params.divide;
      let inside$g = at$g < pixels && v$g >= 0 && u$g >= 0 && vq$g * params.divide == v$g && uq$g * params.divide == u$g
        && vq$g < i32(params.source_h) && uq$g < i32(params.source_w);
      var start$g = select(0u, image$g + u32(vq$g) * params.source_w + u32(uq$g), inside$g);
      //@end
      for (var c = 0u; c < params.source_channels; c++) {
        let w = packed[row];
        row += width;
        //@unroll g 0 2
        let s$g = select(0.0, source[start$g], inside$g);
        start$g += source_plane;
        //@end
        //@unroll p 0 16
        acc$p = fma(vec4f(subgroupBroadcast(s$(p / 8), $(p % 8)u)), w, acc$p);
        //@end
      }
    }
  }
  //@unroll p 0 16
  if (first + $(p)u < pixels) {
    let pixel = first + $(p)u;
    store(acc$p, column * 4u, pixel / plane * params.target_channels * plane + pixel % plane, plane);
  }
  //@end
}

@compute @workgroup_size(8)
fn weight_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let taps = params.kernel_h * params.kernel_w;
  let weights = params.source_channels * taps;
  let column_tiles = (params.target_channels + 31u) / 32u;
  let row_tiles = (weights + 15u) / 16u;
  var workgroup = flat_index(group, groups, 0u, 1u);
  let width = (params.target_channels + 7u) / 8u * 2u;
  let column = workgroup % column_tiles * 8u + lane;
  workgroup /= column_tiles;
  let first = workgroup % row_tiles * 16u;
  let part = workgroup / row_tiles;
  if (part >= params.parts) { return; }
  //@unroll g 0 2
  let at$g = first + $(g * 8)u + lane;
  let channel$g = at$g / taps * params.source_h;
  let y$g = i32(at$g % taps / params.kernel_w) + params.origin_y;
  let x$g = i32(at$g % params.kernel_w) + params.origin_x;
  //@end
  //@unroll p 0 16
  var acc$p = vec4f();
  //@end
  let end = min((part + 1u) * params.rows_per_part, params.batch * params.target_h);
  var d = part * params.rows_per_part * params.target_w * width + min(column, width - 1u);
  for (var r = part * params.rows_per_part; r < end; r++) {
    let image = r / params.target_h * params.source_channels * params.source_h;
    let shift = i32(r % params.target_h) * params.step;
    //@unroll g 0 2
    let v$g = y$g + shift;
    let inside$g = at$g < weights && v$g >= 0 && v$g < i32(params.source_h);
    let row$g = (image + channel$g + u32(v$g)) * params.source_w;
    var u$g = x$g;
    //@end
    for (var q = 0u; q < params.target_w; q++) {
      let w = packed[d];
      d += width;
      //@unroll g 0 2
      let here$g = inside$g && u$g >= 0 && u$g < i32(params.source_w);
      let s$g = select(0.0, source[select(0u, row$g + u32(u$g), here$g)], here$g);
      u$g += params.step;
      //@end
      //@unroll p 0 16
      acc$p = fma(vec4f(subgroupBroadcast(s$(p / 8), $(p % 8)u)), w, acc$p);
      //@end
    }
  }
  //@unroll p 0 16
  if (first + $(p)u < weights) {
    store(acc$p, column * 4u, part * params.target_channels * weights + first + $(p)u, weights);
  }
  //@end
}
