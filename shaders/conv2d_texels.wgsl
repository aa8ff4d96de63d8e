// Operands of conv2d_subgroup.wgsl in textures: four channels a texel, channels last, channels padded by zeros
// image: [B, C, P] (P pixels) to [B, P, C / 4]; weight: w at w[o target_stride + c source_stride + tap], O target and C
// source channels, to [KH KW, C, O / 4] and one last row with the bias
// one lane per texel, or per four
// cost: one read and one write of the data; bound by memory
//@include grid
//@include texture
override MASK: u32 = 0;
override BIAS: u32 = 0;
struct Params {
  batch: u32,
  pixels: u32,
  source_channels: u32,
  source_stride: u32,
  target_channels: u32,
  target_stride: u32,
  taps: u32,
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(0) var<storage, read> image4: array<vec4f>;
@group(0) @binding(1) var<storage, read> y4: array<vec4f>;
@group(0) @binding(2) var image_out: texture_storage_2d<rgba32float, write>;

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var weight_out: texture_storage_2d<rgba32float, write>;

@group(1) @binding(0) var<uniform> params: Params;

// The source image channels last; MASK keeps only what a ReLU with output y let through
@compute @workgroup_size(64)
fn image_to_texels(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, 64u);
  let width = (params.source_channels + 3u) / 4u;
  let plane = params.pixels;
  let pixel = i / width;
  let b = pixel / plane;
  if (b >= params.batch) { return; }
  let c = (i - pixel * width) * 4u;
  let start = (b * params.source_channels + c) * plane + pixel - b * plane;
  var value = vec4f();
  //@unroll e 0 4
  if (c + $(e)u < params.source_channels && (MASK == 0u || y[start + $(e)u * plane] > 0.0)) {
    value[$(e)u] = image[start + $(e)u * plane];
  }
  //@end
  textureStore(image_out, texel(i), value);
}

// The same for four pixels at once, where their number is divisible by 4: a turn of 4 x 4 elements in registers
@compute @workgroup_size(64)
fn image_to_texels4(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, 64u);
  let width = (params.source_channels + 3u) / 4u;
  let plane = params.pixels / 4u;
  let quad = i / width;
  let b = quad / plane;
  if (b >= params.batch) { return; }
  let c = i - quad * width;
  let start = (b * params.source_channels + c * 4u) * plane + quad - b * plane;
  //@unroll e 0 4
  var row$e = vec4f();
  if (c * 4u + $(e)u < params.source_channels) {
    row$e = image4[start + $(e)u * plane];
    if (MASK == 1u) { row$e = select(vec4f(), row$e, y4[start + $(e)u * plane] > vec4f()); }
  }
  //@end
  //@unroll p 0 4
  textureStore(image_out, texel((quad * 4u + $(p)u) * width + c), vec4f(row0[$(p)u], row1[$(p)u], row2[$(p)u], row3[$(p)u]));
  //@end
}

@compute @workgroup_size(64)
fn weight_to_texels(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, 64u);
  let width = (params.target_channels + 3u) / 4u;
  let channels = (params.source_channels + 3u) / 4u * 4u;
  let row = i / width;
  let t = row / channels;
  let c = row - t * channels;
  if (row > params.taps * channels) { return; }
  let o = (i - row * width) * 4u;
  var value = vec4f();
  //@unroll e 0 4
  if (o + $(e)u < params.target_channels) {
    if (t == params.taps && BIAS == 1u) { value[$(e)u] = bias[o + $(e)u]; }
    if (t < params.taps && c < params.source_channels) {
      value[$(e)u] = weight[(o + $(e)u) * params.target_stride + c * params.source_stride + t];
    }
  }
  //@end
  textureStore(weight_out, texel(i), value);
}
