// conv2d for GPUs (formulas and layouts: conv2d.wgsl) as products in tiles: x, dx: [B, C, H, W]; w, dw: [O, C, KH, KW];
// y, dy: [B, O, YH, YW]
// A workgroup of 16 x 16 lanes owns a tile of 64 x 64 results and sums in slabs of 16 that it brings into workgroup
// memory; a lane brings one vec4 of each operand and owns 4 x 4 sums.
// correlate (forward and dx): 64 target channels by 64 pixels, summed over taps and source channels; weights packed by
//   conv2d.wgsl, with the bias in the last row
// weight_partial: 64 output by 64 input channels at one tap, summed over the pixels of one part of the rows [B, YH]
// cost: 2 B O YH YW C KH KW FLOP each; memory 16 FLOP a byte, mostly from the cache; not measured on a GPU
//@include grid
override RELU: u32 = 0;
override DIVIDE: i32 = 1; // params.divide, known to the compiler
struct Params {
  batch: u32,
  source_channels: u32,
  source_h: u32,
  source_w: u32,
  source_stride: u32, // of w, as in conv2d.wgsl
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

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> packed_in: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> target_out: array<f32>;

@group(0) @binding(1) var<storage, read> target_in: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// Slabs: quads of channels or pixels by the axis that is summed. The odd width keeps lanes that store different steps of
// that axis out of the same bank.
const WIDTH = 17u;
var<workgroup> left: array<vec4f, 272>;
var<workgroup> right: array<vec4f, 272>;

@compute @workgroup_size(256)
fn correlate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tiles = (params.target_channels + 63u) / 64u;
  let number = flat_index(group, groups, 0u, 1u);
  let channel = number % tiles * 64u;
  let first = number / tiles * 64u;
  let plane = params.target_h * params.target_w;
  let source_plane = params.source_h * params.source_w;
  let pixels = params.batch * plane;
  if (first >= pixels) { return; }
  let y = lane / 16u;
  let x = lane % 16u;
  // Lanes side by side load neighbouring quads; each has one of the 16 source channels of a slab.
  let width = (params.target_channels + 7u) / 8u * 2u;
  let quad = channel / 4u + x;
  //@unroll p 0 4
  let at$p = first + x * 4u + $(p)u;
  let image$p = at$p / plane * params.source_channels * source_plane;
  let row$p = i32(at$p % plane / params.target_w) * params.step + params.origin_y;
  let col$p = i32(at$p % params.target_w) * params.step + params.origin_x;
  //@end
  let bias = packed_in[params.kernel_h * params.kernel_w * params.source_channels * width + min(channel / 4u + y, width - 1u)];
  //@unroll e 0 4
  var c$e = vec4f(bias[$(e)u]);
  //@end
  for (var k = 0u; k < params.kernel_h; k++) {
    for (var l = 0u; l < params.kernel_w; l++) {
      //@unroll p 0 4
      let v$p = row$p + params.tap * i32(k);
      let u$p = col$p + params.tap * i32(l);
      let inside$p = at$p < pixels && v$p >= 0 && u$p >= 0 && v$p % DIVIDE == 0 && u$p % DIVIDE == 0
        && v$p / DIVIDE < i32(params.source_h) && u$p / DIVIDE < i32(params.source_w);
      let from$p = image$p + u32(v$p / DIVIDE) * params.source_w + u32(u$p / DIVIDE);
      //@end
      for (var base = 0u; base < params.source_channels; base += 16u) {
        let c = base + y;
        var pixel_quad = vec4f();
        var weights = vec4f();
        if (c < params.source_channels) {
          //@unroll p 0 4
          if (inside$p) { pixel_quad[$(p)u] = source[from$p + c * source_plane]; }
          //@end
          if (quad < width) { weights = packed_in[((k * params.kernel_w + l) * params.source_channels + c) * width + quad]; }
        }
        left[y * WIDTH + x] = weights;
        right[y * WIDTH + x] = pixel_quad;
        workgroupBarrier();
        //@unroll s 0 16
        {
          let a = left[$(s)u * WIDTH + y];
          let b = right[$(s)u * WIDTH + x];
          //@unroll e 0 4
          c$e = fma(vec4f(a[$(e)u]), b, c$e);
          //@end
        }
        //@end
        workgroupBarrier();
      }
    }
  }
  //@unroll p 0 4
  if (at$p < pixels) {
    let to = (at$p / plane * params.target_channels + channel + y * 4u) * plane + at$p % plane;
    //@unroll e 0 4
    if (channel + y * 4u + $(e)u < params.target_channels) {
      let value = c$e[$(p)u];
      target_out[to + $(e)u * plane] = select(value, 0.0, RELU == 1u && value < 0.0);
    }
    //@end
  }
  //@end
}

@compute @workgroup_size(256)
fn weight_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let across = (params.source_channels + 63u) / 64u;
  let down = (params.target_channels + 63u) / 64u;
  let taps = params.kernel_h * params.kernel_w;
  var number = flat_index(group, groups, 0u, 1u);
  let c = number % across * 64u;
  number /= across;
  let o = number % down * 64u;
  number /= down;
  let t = number % taps;
  let part = number / taps;
  if (part >= params.parts) { return; }
  let shift_y = i32(t / params.kernel_w) + params.origin_y;
  let shift_x = i32(t % params.kernel_w) + params.origin_x;
  let plane = params.target_h * params.target_w;
  let source_plane = params.source_h * params.source_w;
  let y = lane / 16u;
  let x = lane % 16u;
  //@unroll e 0 4
  var c$e = vec4f();
  //@end
  let start = part * params.rows_per_part * params.target_w;
  let end = min((part + 1u) * params.rows_per_part, params.batch * params.target_h) * params.target_w;
  for (var base = start; base < end; base += 16u) {
    // Lanes side by side load neighbouring pixels, each of four channels.
    let at = base + x;
    let image = at / plane;
    let v = i32(at / params.target_w % params.target_h) * params.step + shift_y;
    let u = i32(at % params.target_w) * params.step + shift_x;
    let inside = v >= 0 && u >= 0 && v < i32(params.source_h) && u < i32(params.source_w);
    let d = (image * params.target_channels + o + y * 4u) * plane + at % plane;
    let s = (image * params.source_channels + c + y * 4u) * source_plane + u32(v) * params.source_w + u32(u);
    var gradients = vec4f();
    var values = vec4f();
    if (at < end) {
      //@unroll e 0 4
      if (o + y * 4u + $(e)u < params.target_channels) { gradients[$(e)u] = target_in[d + $(e)u * plane]; }
      if (inside && c + y * 4u + $(e)u < params.source_channels) { values[$(e)u] = source[s + $(e)u * source_plane]; }
      //@end
    }
    left[x * WIDTH + y] = gradients;
    right[x * WIDTH + y] = values;
    workgroupBarrier();
    //@unroll s 0 16
    {
      let a = left[$(s)u * WIDTH + y];
      let b = right[$(s)u * WIDTH + x];
      //@unroll e 0 4
      c$e = fma(vec4f(a[$(e)u]), b, c$e);
      //@end
    }
    //@end
    workgroupBarrier();
  }
  //@unroll e 0 4
  if (o + y * 4u + $(e)u < params.target_channels) {
    let to = (part * params.target_channels + o + y * 4u + $(e)u) * params.source_channels + c + x * 4u;
    //@unroll p 0 4
    if (c + x * 4u + $(p)u < params.source_channels) { partial[(to + $(p)u) * taps + t] = c$e[$(p)u]; }
    //@end
  }
  //@end
}
