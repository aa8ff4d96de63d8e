// codes of a vector quantiser that no vector of a batch came to for a while are set on a vector of the batch
//   age[k] = 0 where some codes[i] = k, else age[k] + 1
//   where age[k] reaches the window: table[k] = vectors[philox((k, 0, step, purpose), (seed, stream)).x mod n], age[k] = 0
// codes: [n], vectors: [n, size], table: [count, size], age: [count]; one lane per code, which looks through the batch
// cost: n reads for an unused code, fewer for a used one
//@include grid
//@include philox
override WG: u32 = 8;
struct Params { n: u32, count: u32, size: u32, window: u32, seed: u32, stream: u32, step: u32, purpose: u32 }

@group(0) @binding(0) var<storage, read> codes: array<i32>;
@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(2) var<storage, read_write> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> age: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = flat_index(group, groups, lane, WG);
  if (k >= params.count) { return; }
  for (var i = 0u; i < params.n; i++) {
    if (codes[i] == i32(k)) {
      age[k] = 0u;
      return;
    }
  }
  let unused = age[k] + 1u;
  if (unused < params.window) {
    age[k] = unused;
    return;
  }
  age[k] = 0u;
  let row = philox(vec4u(k, 0u, params.step, params.purpose), vec2u(params.seed, params.stream)).x % params.n;
  for (var c = 0u; c < params.size; c++) { table[k * params.size + c] = vectors[row * params.size + c]; }
}
