// random numbers of an explicit key: element i takes word i % 4 of philox((i / 4, 0, step, purpose), (seed, stream))
//   uniform: u = unit_float(word), in the open interval (0, 1)
//   normal: Box-Muller, sqrt(-2 ln u0) * (cos, sin)(2 pi u1) of words 0, 1 and of words 2, 3
// y: [n]; one lane per four elements
// cost: about 60 integer operations an element, 1 write
//@include grid
//@include philox
override WG: u32 = 64;
struct Params { n: u32, seed: u32, stream: u32, step: u32, purpose: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn words(block: u32) -> vec4u {
  return philox(vec4u(block, 0u, params.step, params.purpose), vec2u(params.seed, params.stream));
}

fn store(block: u32, values: vec4f) {
  let i = block * 4u;
  if (i < params.n) { y[i] = values.x; }
  if (i + 1u < params.n) { y[i + 1u] = values.y; }
  if (i + 2u < params.n) { y[i + 2u] = values.z; }
  if (i + 3u < params.n) { y[i + 3u] = values.w; }
}

@compute @workgroup_size(WG)
fn uniform_numbers(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = flat_index(group, groups, lane, WG);
  let w = words(block);
  store(block, vec4f(unit_float(w.x), unit_float(w.y), unit_float(w.z), unit_float(w.w)));
}

fn box_muller(a: u32, b: u32) -> vec2f {
  let angle = 6.2831853 * unit_float(b);
  return sqrt(-2.0 * log(unit_float(a))) * vec2f(cos(angle), sin(angle));
}

@compute @workgroup_size(WG)
fn normal_numbers(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = flat_index(group, groups, lane, WG);
  let w = words(block);
  store(block, vec4f(box_muller(w.x, w.y), box_muller(w.z, w.w)));
}
