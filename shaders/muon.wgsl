// the elementwise parts of Muon (formulas: muon.ts), for one matrix of several that share a shape
//   momentum: m = mu m + g, u = g + mu m (Nesterov)
//   apply: w = (1 - rate decay) w - rate scale x
// g, m, w: [size]; u, x: [matrices, size], of which this matrix begins at `first`
// one lane per element
// cost: 4 FLOP an element, 2 reads and 2 writes; bound by memory
//@include grid
override WG: u32 = 64;
struct Params { size: u32, first: u32, mu: f32, rate: f32, scale: f32, decay: f32 }

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> u: array<f32>;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn momentum(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.size) { return; }
  let moved = params.mu * m[i] + g[i];
  m[i] = moved;
  u[params.first + i] = g[i] + params.mu * moved;
}

@compute @workgroup_size(WG)
fn apply(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.size) { return; }
  w[i] = (1.0 - params.rate * params.decay) * w[i] - params.rate * params.scale * x[params.first + i];
}
