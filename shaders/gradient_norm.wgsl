// global norm of the gradients of many tensors: sqrt(sum over tensors and elements of g^2), always in the same order
//   1. squares: up to SLOTS tensors a dispatch, a partial sum a lane; lane i takes the vec4 i, i + lanes, ...;
//      what lies behind the last element of a buffer counts as 0
//   2. sums: a lane adds CHUNK neighbouring partial sums; repeated until one is left, of which it takes the root
// g: [size] of each tensor; partials: [all lanes of all dispatches of squares], from `first`; sums: [lanes]
// cost: 2 FLOP and 1 read an element
//@include grid
const SLOTS = 1u;
override WG: u32 = 64;
override CHUNK: u32 = 1024;
struct Params { sizes0: vec4u, sizes1: vec4u, first: u32, lanes: u32, count: u32 }

//@unroll s 0 SLOTS
@group(0) @binding($(s)) var<storage, read> g$s: array<vec4f>;
//@end
@group(0) @binding($(SLOTS)) var<storage, read_write> partials: array<f32>;

@group(0) @binding(0) var<storage, read> partials_in: array<f32>;
@group(0) @binding(1) var<storage, read_write> totals: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn squares(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.lanes) { return; }
  var sum = vec4f(0.0);
  //@unroll s 0 SLOTS
  for (var i = at; i * 4u < params.sizes$(s / 4)[$(s % 4)]; i += params.lanes) {
    let inside = i * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(params.sizes$(s / 4)[$(s % 4)]);
    let g = select(vec4f(0.0), g$s[i], inside);
    sum += g * g;
  }
  //@end
  partials[params.first + at] = (sum.x + sum.y) + (sum.z + sum.w);
}

@compute @workgroup_size(WG)
fn sums(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.lanes) { return; }
  var sum = 0.0;
  for (var i = at * CHUNK; i < min((at + 1u) * CHUNK, params.count); i++) { sum += partials_in[i]; }
  totals[at] = select(sum, sqrt(sum), params.lanes == 1u);
}
