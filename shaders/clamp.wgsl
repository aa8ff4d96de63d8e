// y_i = min(max(x_i, low), high); NaN gives NaN; backward: dx_i = dy_i where low <= x_i <= high, else 0
// x, y, dy, dx: [n]; one lane per 4 elements, buffers are padded to a multiple of 4
// cost: 2 FLOP an element, 8 bytes forward, 12 backward; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { n: u32, low: f32, high: f32 } // n in vectors of 4

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let low = vec4f(params.low);
  let high = vec4f(params.high);
  let raised = select(x[i], low, x[i] < low); // selects, unlike max and min, let NaN through
  y[i] = select(raised, high, raised > high);
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.n) { return; }
  let inside = (x[i] >= vec4f(params.low)) & (x[i] <= vec4f(params.high));
  dx[i] = select(vec4f(0.0), dy[i], inside);
}
