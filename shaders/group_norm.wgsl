// group_norm: y = n gain_c + bias_c, n = (x - mean) / sqrt(var + eps), mean and variance over a group of channels
// backward, with g = dy gain_c: dx = (g - mean(g) - n mean(g n)) / sqrt(var + eps)
//           dgain_c = sum_{b, pixels} dy n, dbias_c = sum_{b, pixels} dy
// x, y, dy, dx: [B, C, P] (P pixels); gain, bias: [C]; stats, means: [B, G, 2]
// The pixels of one channel of one image fall into S segments of `segment` pixels; one lane per segment [B, S, C], then
// one lane per group joins its segments: no sum is longer than a lane's loops, and the order is fixed.
// numerics: squares are taken around each segment's own mean and joined as in Chan, Golub and LeVeque 1979
// cost: 3 reads of x and 1 write forward; bound by memory
//@include grid
override WG: u32 = 32;
struct Params { batch: u32, channels: u32, pixels: u32, groups: u32, segments: u32, segment: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> moments_out: array<vec2f>;

@group(0) @binding(0) var<storage, read> moments: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> stats_out: array<vec2f>;

@group(0) @binding(1) var<storage, read> stats: array<vec2f>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias_sums_out: array<f32>;
@group(0) @binding(4) var<storage, read_write> gain_sums_out: array<f32>;

@group(0) @binding(0) var<storage, read> bias_sums: array<f32>;
@group(0) @binding(1) var<storage, read> gain_sums: array<f32>;
@group(0) @binding(3) var<storage, read_write> means_out: array<vec2f>;

@group(0) @binding(3) var<storage, read> gain_in: array<f32>;
@group(0) @binding(4) var<storage, read> means: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// What a segment's lane works on; `inside` is false beyond the last one
struct Segment { inside: bool, channel: u32, row: u32, start: u32, end: u32 }

fn segment_of(i: u32) -> Segment {
  let channel = i % params.channels;
  let s = i / params.channels % params.segments;
  let b = i / params.channels / params.segments;
  let base = (b * params.channels + channel) * params.pixels;
  let row = b * params.groups + channel / (params.channels / params.groups);
  let end = min((s + 1u) * params.segment, params.pixels);
  return Segment(b < params.batch, channel, row, base + s * params.segment, base + end);
}

// Mean and sum of squares around it, of each segment
@compute @workgroup_size(WG)
fn segment_moments(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let own = segment_of(i);
  if (!own.inside) { return; }
  var mean = 0.0;
  for (var p = own.start; p < own.end; p++) { mean += x[p]; }
  mean /= f32(own.end - own.start);
  var squares = 0.0;
  for (var p = own.start; p < own.end; p++) {
    let d = x[p] - mean;
    squares = fma(d, d, squares);
  }
  moments_out[i] = vec2f(mean, squares);
}

// stats = mean and 1 / sqrt(var + eps) of each group
@compute @workgroup_size(WG)
fn group_stats(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.batch * params.groups) { return; }
  let width = params.channels / params.groups;
  let first = row % params.groups * width;
  var count = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  for (var s = 0u; s < params.segments; s++) {
    let size = f32(min((s + 1u) * params.segment, params.pixels) - s * params.segment);
    let base = (row / params.groups * params.segments + s) * params.channels + first;
    for (var c = 0u; c < width; c++) {
      let next = moments[base + c];
      let shift = next.x - mean;
      let share = size / (count + size);
      mean += shift * share;
      squares += next.y + shift * shift * count * share;
      count += size;
    }
  }
  stats_out[row] = vec2f(mean, 1.0 / sqrt(squares / count + params.eps));
}

@compute @workgroup_size(WG)
fn normalize(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = segment_of(flat_index(group, groups, lane, WG));
  if (!own.inside) { return; }
  let mean = stats[own.row].x;
  let scale = stats[own.row].y * gain[own.channel];
  let offset = bias[own.channel];
  for (var p = own.start; p < own.end; p++) { y[p] = fma(x[p] - mean, scale, offset); }
}

// Sums of dy and of dy n over each segment: parts [B S, C] of the gradients of bias and gain
@compute @workgroup_size(WG)
fn segment_sums(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  let own = segment_of(i);
  if (!own.inside) { return; }
  let mean = stats[own.row].x;
  let scale = stats[own.row].y;
  var bias_sum = 0.0;
  var gain_sum = 0.0;
  for (var p = own.start; p < own.end; p++) {
    bias_sum += dy[p];
    gain_sum = fma(dy[p], (x[p] - mean) * scale, gain_sum);
  }
  bias_sums_out[i] = bias_sum;
  gain_sums_out[i] = gain_sum;
}

// means = mean(g) and mean(g n) of each group
@compute @workgroup_size(WG)
fn group_means(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = flat_index(group, groups, lane, WG);
  if (row >= params.batch * params.groups) { return; }
  let width = params.channels / params.groups;
  let first = row % params.groups * width;
  var sums = vec2f();
  for (var s = 0u; s < params.segments; s++) {
    let base = (row / params.groups * params.segments + s) * params.channels + first;
    for (var c = 0u; c < width; c++) { sums += gain[first + c] * vec2f(bias_sums[base + c], gain_sums[base + c]); }
  }
  means_out[row] = sums / f32(width * params.pixels);
}

@compute @workgroup_size(WG)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = segment_of(flat_index(group, groups, lane, WG));
  if (!own.inside) { return; }
  let mean = stats[own.row].x;
  let scale = stats[own.row].y;
  let factor = gain_in[own.channel];
  let g = means[own.row];
  for (var p = own.start; p < own.end; p++) {
    dx[p] = scale * (dy[p] * factor - g.x - (x[p] - mean) * scale * g.y);
  }
}
