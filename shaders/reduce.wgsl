// reductions over any axes: y_o = sum, mean, max, variance or logsumexp of the elements x_r that belong to output o
//   sum, mean      y = scale * sum_r x_r
//   variance       y = scale * sum_r (x_r - mean)^2, in two passes
//   logsumexp      y = m + log(sum_r exp(x_r - m)), m = max_r x_r
//   max            y = max_r x_r, NaN where an element is NaN; its position (the first) is kept for backward
// backward: dx_i = dy_o * d, d = scale | 2 * scale * (x_i - mean_o) | exp(x_i - y_o) | i is position_o
// x: outputs and reduced elements are both walked by strides (up to 4 merged axes each); y: [outputs], partial results: [parts, outputs]
// sum: one element at a time; sum_rows: 4 neighbours of a reduced row at a time; sum_columns: 4 neighbouring outputs at a
// time (these two count outputs or elements, and strides, in vectors of 4)
// one lane per output and part: a part takes at most 1024 steps, further levels reduce the parts, so that no lane
// exceeds the iterations that software adapters run, and sums are pairwise by levels; backward: one lane per element
// cost: 1 FLOP and 4 bytes an element; bound by memory
//@include grid
//@include strides
override WG: u32 = 64;
override TERM: u32 = 0;   // what is summed: 0 x, 1 (x - pivot)^2, 2 exp(x - pivot); backward also 3: at position
override FOLD: u32 = 0;   // 0 sum, 1 maximum
override FINISH: u32 = 0; // last level: 0 none, 1 times scale, 2 pivot + log
override KEPT: u32 = 1;   // axes of the outputs
override REDUCED: u32 = 1;
override STEP: u32 = 0;   // backward: 1 where the output moves with the innermost axis of x
override LEVEL: u32 = 0;  // of max: above 0, the elements are positions found by the level before
struct Params {
  outputs: u32, elements: u32, part: u32, parts: u32, width: u32, kept_first: u32, reduced_first: u32, scale: f32,
  kept_sizes: vec4u, kept_strides: vec4u, reduced_sizes: vec4u, reduced_strides: vec4u,
}
const BLOCK = 32u; // elements summed before they join the total: keeps rounding errors small
const LARGEST = 3.4028234e38;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> pivot: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(0) var<storage, read> x4: array<vec4f>;
@group(0) @binding(1) var<storage, read> pivot4: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y4: array<vec4f>;
@group(0) @binding(1) var<storage, read> earlier: array<u32>;
@group(0) @binding(3) var<storage, read_write> position: array<u32>;
@group(0) @binding(1) var<storage, read> kept: array<u32>; // bits of the mean or of y, or the position
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn base_of(output: u32) -> u32 {
  return strided_offset(output, KEPT, params.kept_sizes, params.kept_strides, params.kept_first);
}

fn step_of(element: u32) -> u32 {
  if (REDUCED == 1u) { return element * params.reduced_first; }
  return strided_offset(element, REDUCED, params.reduced_sizes, params.reduced_strides, params.reduced_first);
}

fn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }

struct Task { output: u32, start: u32, end: u32, base: u32 }

fn task(i: u32) -> Task {
  let index = i / params.outputs;
  let output = i - index * params.outputs;
  let start = index * params.part;
  return Task(output, start, min(start + params.part, params.elements), base_of(output));
}

fn shift_of(pivot: vec4f) -> vec4f {
  if (TERM == 2u || FINISH == 2u) { return clamp(pivot, vec4f(-LARGEST), vec4f(LARGEST)); } // no inf - inf
  return pivot;
}

fn term(v: vec4f, shift: vec4f) -> vec4f {
  if (TERM == 1u) { return (v - shift) * (v - shift); }
  if (TERM == 2u) { return exp(v - shift); }
  return v;
}

fn fold(a: vec4f, b: vec4f) -> vec4f {
  if (FOLD == 1u) { return max(a, b); }
  return a + b;
}

fn empty() -> vec4f { return vec4f(select(0.0, -LARGEST, FOLD == 1u)); }

fn finish(total: vec4f, shift: vec4f) -> vec4f {
  if (FINISH == 1u) { return total * params.scale; }
  if (FINISH == 2u) { return shift + log(total); }
  return total;
}

fn total4(t: Task, shift: vec4f) -> vec4f {
  var total = empty();
  for (var head = t.start; head < t.end; head += BLOCK) {
    var block = empty();
    for (var r = head; r < min(head + BLOCK, t.end); r++) { block = fold(block, term(x4[t.base + step_of(r)], shift)); }
    total = fold(total, block);
  }
  return total;
}

@compute @workgroup_size(WG)
fn sum(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.outputs * params.parts) { return; }
  let t = task(i);
  let shift = shift_of(vec4f(pivot[t.output]));
  var total = empty();
  for (var head = t.start; head < t.end; head += BLOCK) {
    var block = empty();
    for (var r = head; r < min(head + BLOCK, t.end); r++) {
      block = fold(block, term(vec4f(x[t.base + step_of(r)]), shift));
    }
    total = fold(total, block);
  }
  y[i] = finish(total, shift).x;
}

@compute @workgroup_size(WG)
fn sum_rows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.outputs * params.parts) { return; }
  let t = task(i);
  let shift = shift_of(vec4f(pivot[t.output]));
  let total = total4(t, shift);
  y[i] = finish(fold(fold(total, total.zwxy), fold(total.yxwz, total.wzyx)), shift).x;
}

@compute @workgroup_size(WG)
fn sum_columns(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.outputs * params.parts) { return; }
  let t = task(i);
  let shift = shift_of(pivot4[t.output]);
  y4[i] = finish(total4(t, shift), shift);
}

@compute @workgroup_size(WG)
fn maximum(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.outputs * params.parts) { return; }
  let t = task(i);
  var best = 0.0;
  var best_at = 0u;
  for (var r = t.start; r < t.end; r++) {
    var at = t.base + step_of(r);
    if (LEVEL > 0u) { at = earlier[at]; }
    let v = x[at];
    if (r == t.start || ((v > best || is_nan(v)) && !is_nan(best))) {
      best = v;
      best_at = at;
    }
  }
  y[i] = best;
  position[i] = best_at;
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.elements) { return; }
  let row = i / params.width;
  let output = base_of(row) + STEP * (i - row * params.width);
  var slope = params.scale;
  if (TERM == 1u) { slope *= 2.0 * (x[i] - bitcast<f32>(kept[output])); }
  if (TERM == 2u) { slope = exp(x[i] - bitcast<f32>(kept[output])); }
  if (TERM == 3u) { slope = select(0.0, 1.0, kept[output] == i); }
  dx[i] = dy[output] * slope;
}
