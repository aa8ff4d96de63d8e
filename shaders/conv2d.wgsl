// conv2d: y[b, o, i, j] = bias[o] + sum_{c, k, l} x[b, c, i S + k - top, j S + l - left] w[o, c, k, l], x = 0 outside
// backward: dx[b, c, i, j] = sum_{o, k, l} dy[b, o, (i + top - k) / S, (j + left - l) / S] w[o, c, k, l] where S divides
//           dw[o, c, k, l] = sum_{b, i, j} dy[b, o, i, j] x[b, c, i S + k - top, j S + l - left]
//           dbias[o] = sum_{b, i, j} dy[b, o, i, j]
// x, dx: [B, C, H, W]; w, dw: [O, C, KH, KW]; y, dy: [B, O, YH, YW]; bias: [O]
// forward and dx are one kernel, `correlate`, from a source image to a target image: the position in the source of
// target position p at tap k is (p step + k tap + origin) / divide, where it divides and lies inside.
// correlate: one lane per PX target pixels (a workgroup apart, so that lanes read side by side) x 8 target channels;
// weight_partial: one lane per 8 output channels x 4 input channels at one tap and one part of the rows [B, YH].
// cost: 2 B O YH YW C KH KW FLOP each; 3 + 2 loads feed 32 multiply-adds, so bound by arithmetic on few channels too
//@include grid
override WG: u32 = 64;
override RELU: u32 = 0;
override BIAS: u32 = 0;
struct Params {
  batch: u32,
  source_channels: u32,
  source_h: u32,
  source_w: u32,
  source_stride: u32, // between source channels in w
  target_channels: u32,
  target_h: u32,
  target_w: u32,
  target_stride: u32, // between target channels in w
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
const PX = 4u;

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> packed_in: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> target_out: array<f32>;

@group(0) @binding(1) var<storage, read> target_in: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dz: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// packed[t, s, o] = w at tap t, source channel s, target channel o, and one last row with the bias; the target
// channels are padded with zeros to whole tiles of 8, which correlate then loads as two vec4
@compute @workgroup_size(WG)
fn pack(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let width = (params.target_channels + 7u) / 8u * 8u;
  let rows = params.kernel_h * params.kernel_w * params.source_channels;
  let row = i / width;
  let o = i % width;
  if (row > rows) { return; }
  var value = 0.0;
  if (o < params.target_channels) {
    if (row < rows) {
      let t = row / params.source_channels;
      value = weight[o * params.target_stride + row % params.source_channels * params.source_stride + t];
    } else if (BIAS == 1u) {
      value = bias[o];
    }
  }
  packed[i] = value;
}

@compute @workgroup_size(WG)
fn correlate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tiles = (params.target_channels + 7u) / 8u;
  let workgroup = flat_index(group, groups, 0u, 1u);
  let tile = workgroup % tiles;
  let first = workgroup / tiles * (PX * WG) + lane;
  let plane = params.target_h * params.target_w;
  let source_plane = params.source_h * params.source_w;
  let pixels = params.batch * plane;
  if (first >= pixels) { return; }
  let width = tiles * 2u;
  var row = tile * 2u;
  let bias_row = row + params.kernel_h * params.kernel_w * params.source_channels * width;
  //@unroll p 0 PX
  let at$p = first + $(p)u * WG;
  let image$p = at$p / plane;
  let y$p = i32(at$p % plane / params.target_w) * params.step + params.origin_y;
  let x$p = i32(at$p % params.target_w) * params.step + params.origin_x;
  var acc$p_0 = packed_in[bias_row];
  var acc$p_1 = packed_in[bias_row + 1u];
  //@end
  for (var k = 0; k < i32(params.kernel_h); k++) {
    for (var l = 0; l < i32(params.kernel_w); l++) {
      //@unroll p 0 PX
      let v$p = y$p + params.tap * k;
      let u$p = x$p + params.tap * l;
      let vq$p = v$p / params.divide;
      let uq$p = u$p / params.divide;
      let inside$p = at$p < pixels && v$p >= 0 && u$p >= 0 && vq$p * params.divide == v$p && uq$p * params.divide == u$p
        && vq$p < i32(params.source_h) && uq$p < i32(params.source_w);
      var from$p = select(0u, image$p * params.source_channels * source_plane + u32(vq$p) * params.source_w + u32(uq$p), inside$p);
      //@end
      for (var c = 0u; c < params.source_channels; c++) {
        let w_low = packed_in[row];
        let w_high = packed_in[row + 1u];
        row += width;
        //@unroll p 0 PX
        let s$p = select(0.0, source[from$p], inside$p);
        acc$p_0 = fma(vec4f(s$p), w_low, acc$p_0);
        acc$p_1 = fma(vec4f(s$p), w_high, acc$p_1);
        from$p += source_plane;
        //@end
      }
    }
  }
  //@unroll p 0 PX
  if (at$p < pixels) {
    let to = (image$p * params.target_channels + tile * 8u) * plane + at$p % plane;
    //@unroll c 0 8
    if (tile * 8u + $(c)u < params.target_channels) {
      let value = acc$p_$(c / 4)[$(c % 4)u];
      target_out[to + $(c)u * plane] = select(value, 0.0, RELU == 1u && value < 0.0);
    }
    //@end
  }
  //@end
}

// dz = dy where the ReLU let its input through
@compute @workgroup_size(WG)
fn relu_mask(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.batch * params.target_channels * params.target_h * params.target_w) { return; }
  dz[i] = select(0.0, target_in[i], y[i] > 0.0);
}

// Target positions [x, y) whose source position at tap k lies inside a side of `size`: no checks in the loop over them
fn inside_range(k: i32, origin: i32, size: u32, target_size: u32) -> vec2u {
  let shift = k + origin;
  let low = (max(-shift, 0) + params.step - 1) / params.step;
  let high = (max(i32(size) - shift, 0) + params.step - 1) / params.step;
  return vec2u(u32(low), min(u32(high), target_size));
}

@compute @workgroup_size(WG)
fn weight_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let target_tiles = (params.target_channels + 7u) / 8u;
  let source_tiles = (params.source_channels + 3u) / 4u;
  let taps = params.kernel_h * params.kernel_w;
  var i = flat_index(group, groups, lane, WG);
  let o = i % target_tiles * 8u;
  i /= target_tiles;
  let c = i % source_tiles * 4u;
  i /= source_tiles;
  let t = i % taps;
  let part = i / taps;
  if (part >= params.parts) { return; }
  let k = i32(t / params.kernel_w);
  let l = i32(t % params.kernel_w);
  let plane = params.target_h * params.target_w;
  let source_plane = params.source_h * params.source_w;
  let xs = inside_range(l, params.origin_x, params.source_w, params.target_w);
  //@unroll j 0 4
  var acc$j_0 = vec4f();
  var acc$j_1 = vec4f();
  //@end
  let end = min((part + 1u) * params.rows_per_part, params.batch * params.target_h);
  for (var r = part * params.rows_per_part; r < end; r++) {
    let b = r / params.target_h;
    let v = i32(r % params.target_h) * params.step + k + params.origin_y;
    if (v < 0 || v >= i32(params.source_h)) { continue; }
    var d = (b * params.target_channels + o) * plane + r % params.target_h * params.target_w + xs.x;
    var s = (b * params.source_channels + c) * source_plane + u32(v) * params.source_w
      + u32(i32(xs.x) * params.step + l + params.origin_x);
    for (var q = xs.x; q < xs.y; q++) {
      let d_low = vec4f(target_in[d], target_in[d + plane], target_in[d + 2u * plane], target_in[d + 3u * plane]);
      let d_high = vec4f(target_in[d + 4u * plane], target_in[d + 5u * plane], target_in[d + 6u * plane], target_in[d + 7u * plane]);
      //@unroll j 0 4
      let s$j = source[s + $(j)u * source_plane];
      acc$j_0 = fma(vec4f(s$j), d_low, acc$j_0);
      acc$j_1 = fma(vec4f(s$j), d_high, acc$j_1);
      //@end
      d += 1u;
      s += u32(params.step);
    }
  }
  let to = part * params.target_channels * params.source_channels * taps + t;
  //@unroll j 0 4
  if (c + $(j)u < params.source_channels) {
    //@unroll e 0 8
    if (o + $(e)u < params.target_channels) {
      partial[to + ((o + $(e)u) * params.source_channels + c + $(j)u) * taps] = acc$j_$(e / 4)[$(e % 4)u];
    }
    //@end
  }
  //@end
}

@compute @workgroup_size(WG)
fn bias_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let o = i % params.target_channels;
  let part = i / params.target_channels;
  if (part >= params.parts) { return; }
  let end = min((part + 1u) * params.rows_per_part, params.batch * params.target_h);
  var total = 0.0;
  for (var r = part * params.rows_per_part; r < end; r++) {
    let b = r / params.target_h;
    let start = ((b * params.target_channels + o) * params.target_h + r % params.target_h) * params.target_w;
    for (var q = 0u; q < params.target_w; q++) { total += target_in[start + q]; }
  }
  partial[i] = total;
}
