// conv2d on software adapters, in subgroups of 8 lanes: formulas, x, w, y and Params as in conv2d.wgsl
// There a load from a storage buffer costs as much as dozens of multiply-adds and a texel next to nothing: images and
// weights are copied into textures first (conv2d_texels.wgsl).
// A workgroup is one subgroup and owns rows x columns of a product; its lanes stand along the columns, 4 channels each;
// each lane loads the texels of an eighth of the rows and broadcasts them.
// correlate: TM rows are target pixels, the sum runs over taps and source channels
// weight_partial: 32 rows are weights of one output channel (8 lanes x 4 source channels at one tap), the sum runs over
//   the target pixels of one part
// an image of fewer than four channels fills CHANNELS of a texel; what is padding is not multiplied (one channel of
//   28 x 28 to 32, batch 32, by 3 x 3: forward 3.2 ms instead of 4.3, weights 0.9 instead of 1.9)
// cost: 2 B O YH YW C KH KW FLOP each; bound by arithmetic; for 64 to 64 channels by 3 x 3 at 16 x 16 at least 41
//   GFLOP/s, 72 % of the multiply-add peak (57 GFLOP/s; llvmpipe on 2 cores of an AMD EPYC, busy with other work)
//@include grid
//@include texture
override RELU: u32 = 0;
const TM = 16u;
const TN = 2u;
const CHANNELS = 4u;
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

@group(0) @binding(0) var image_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var weight_texels: texture_storage_2d<rgba32float, read>; // of dy in weight_partial
@group(0) @binding(2) var<storage, read_write> product: array<f32>;

@group(0) @binding(1) var<storage, read_write> bias_sums: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

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
  let width = (params.target_channels + 3u) / 4u;
  let channels = (params.source_channels + 3u) / 4u;
  let tiles = (width + TN * 8u - 1u) / (TN * 8u);
  let workgroup = flat_index(group, groups, 0u, 1u);
  let first = workgroup / tiles * TM;
  let plane = params.target_h * params.target_w;
  let pixels = params.batch * plane;
  if (first >= pixels) { return; }
  let bias_row = params.kernel_h * params.kernel_w * channels * 4u * width;
  //@unroll j 0 TN
  let column$j = (workgroup % tiles * TN + $(j)u) * 8u + lane;
  var row$j = min(column$j, width - 1u);
  let bias$j = textureLoad(weight_texels, texel(bias_row + row$j));
  //@unroll p 0 TM
  var acc$p_$j = bias$j;
  //@end
  //@end
  //@unroll g 0 TM/8
  let at$g = first + $(g * 8)u + lane;
  let image$g = at$g / plane;
  let y$g = i32(at$g % plane / params.target_w) * params.step + params.origin_y;
  let x$g = i32(at$g % params.target_w) * params.step + params.origin_x;
  //@end
  for (var k = 0; k < i32(params.kernel_h); k++) {
    for (var l = 0; l < i32(params.kernel_w); l++) {
      //@unroll g 0 TM/8
      let v$g = y$g + params.tap * k;
      let u$g = x$g + params.tap * l;
      let vq$g = v$g / params.divide;
      let uq$g = u$g / params.divide;
      let inside$g = at$g < pixels && v$g >= 0 && u$g >= 0 && vq$g * params.divide == v$g && uq$g * params.divide == u$g
        && vq$g < i32(params.source_h) && uq$g < i32(params.source_w);
      let start$g = select(0u, ((image$g * params.source_h + u32(vq$g)) * params.source_w + u32(uq$g)) * channels, inside$g);
      //@end
      for (var c = 0u; c < channels; c++) {
        //@unroll g 0 TM/8
        let a$g = select(vec4f(), textureLoad(image_texels, texel(start$g + c)), inside$g);
        //@end
        //@unroll j 0 TN
        //@unroll q 0 CHANNELS
        let w$q_$j = textureLoad(weight_texels, texel(row$j + $(q)u * width));
        //@end
        row$j += 4u * width;
        //@end
        //@unroll p 0 TM
        let s$p = subgroupBroadcast(a$(p / 8), $(p % 8)u);
        //@unroll j 0 TN
        //@unroll q 0 CHANNELS
        acc$p_$j = fma(vec4f(s$p[$(q)u]), w$q_$j, acc$p_$j);
        //@end
        //@end
        //@end
      }
    }
  }
  //@unroll p 0 TM
  if (first + $(p)u < pixels) {
    let b = (first + $(p)u) / plane;
    let start = first + $(p)u + b * (params.target_channels - 1u) * plane;
    //@unroll j 0 TN
    store(acc$p_$j, column$j * 4u, start, plane);
    //@end
  }
  //@end
}

@compute @workgroup_size(8)
fn weight_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let taps = params.kernel_h * params.kernel_w;
  let channels = (params.source_channels + 3u) / 4u;
  let width = (params.target_channels + 3u) / 4u;
  let column_tiles = (width + 7u) / 8u;
  let row_tiles = (taps * channels + 7u) / 8u;
  var workgroup = flat_index(group, groups, 0u, 1u);
  let column = workgroup % column_tiles * 8u + lane;
  workgroup /= column_tiles;
  let first = workgroup % row_tiles * 8u;
  let part = workgroup / row_tiles;
  if (part >= params.parts) { return; }
  let t = (first + lane) / channels;
  let c = (first + lane) % channels;
  let y = i32(t / params.kernel_w) + params.origin_y;
  let x = i32(t % params.kernel_w) + params.origin_x;
  //@unroll p 0 8*CHANNELS
  var acc$p = vec4f();
  //@end
  let end = min((part + 1u) * params.rows_per_part, params.batch * params.target_h);
  var d = part * params.rows_per_part * params.target_w * width + min(column, width - 1u);
  for (var r = part * params.rows_per_part; r < end; r++) {
    let b = r / params.target_h;
    let v = y + i32(r - b * params.target_h) * params.step;
    let inside_row = t < taps && v >= 0 && v < i32(params.source_h);
    let start = (b * params.source_h + u32(v)) * params.source_w;
    var u = x;
    for (var q = 0u; q < params.target_w; q++) {
      let inside = inside_row && u >= 0 && u < i32(params.source_w);
      let a = select(vec4f(), textureLoad(image_texels, texel(select(0u, (start + u32(u)) * channels + c, inside))), inside);
      let w = textureLoad(weight_texels, texel(d));
      d += width;
      u += params.step;
      //@unroll i 0 8
      let s$i = subgroupBroadcast(a, $(i)u);
      //@unroll e 0 CHANNELS
      acc$(i * CHANNELS + e) = fma(vec4f(s$i[$(e)u]), w, acc$(i * CHANNELS + e));
      //@end
      //@end
    }
  }
  //@unroll i 0 8
  {
    let own_t = (first + $(i)u) / channels;
    let own_c = (first + $(i)u) % channels * 4u;
    //@unroll e 0 CHANNELS
    if (own_t < taps && own_c + $(e)u < params.source_channels) {
      let row = (own_c + $(e)u) * taps + own_t;
      let weights = params.source_channels * taps;
      store(acc$(i * CHANNELS + e), column * 4u, part * params.target_channels * weights + row, weights);
    }
    //@end
  }
  //@end
}

// Sums of dy over the target pixels of one part; image_texels holds dy here
@compute @workgroup_size(8)
fn bias_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, 8u);
  let width = (params.target_channels + 3u) / 4u;
  let part = i / width;
  if (part >= params.parts) { return; }
  let end = min((part + 1u) * params.rows_per_part, params.batch * params.target_h) * params.target_w;
  var sum = vec4f();
  for (var p = part * params.rows_per_part * params.target_w; p < end; p++) {
    sum += textureLoad(image_texels, texel(p * width + i % width));
  }
  let o = i % width * 4u;
  //@unroll e 0 4
  if (o + $(e)u < params.target_channels) { bias_sums[part * params.target_channels + o + $(e)u] = sum[$(e)u]; }
  //@end
}
