import type { ShaderSource } from "../../src/gpu/kernel.ts";
import { foldGrid } from "../../src/tensor/device.ts";
import type { Scalar } from "../../src/gpu/params.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** y_i = factor * x_i + shift, the simplest kernel with two params. */
export const affine: ShaderSource = {
  name: "affine",
  text: `//@include grid
struct Params { n: u32, factor: f32, shift: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(1)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(group, groups, 0u, 1u);
  if (i < params.n) { y[i] = params.factor * x[i] + params.shift; }
}`,
};

/** Launches {@link affine} into `y`, one workgroup an element. */
export function launchAffine(x: Tensor, y: Tensor, factor: number | Scalar, shift: number | Scalar): Tensor {
  const n = x.size;
  x.device.launch(affine, "forward", { read: [x], write: [y], params: { n, factor, shift }, grid: foldGrid(n) });
  return y;
}

/** {@link launchAffine} into a new tensor. */
export function applyAffine(x: Tensor, factor: number | Scalar, shift: number | Scalar): Tensor {
  return launchAffine(x, x.device.empty(x.shape), factor, shift);
}

/** y = the texels of x. */
const fetch: ShaderSource = {
  name: "fetch",
  text: `//@include texture
struct Params { n: u32 }
@group(0) @binding(0) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64) fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { y[id.x] = textureLoad(x, texel(id.x)); }
}`,
};

/** The elements of a tensor in a texture, in a new tensor. */
export function fetchTexture(x: Tensor): Tensor {
  const y = x.device.empty(x.shape);
  x.device.launch(fetch, "forward", {
    read: [x],
    write: [y],
    params: { n: x.size / 4 },
    grid: [Math.ceil(x.size / 256)],
  });
  return y;
}

/** The texels of y = x. */
const store: ShaderSource = {
  name: "store",
  text: `//@include texture
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var y: texture_storage_2d<rgba32float, write>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64) fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { textureStore(y, texel(id.x), x[id.x]); }
}`,
};

/** Writes the elements of x into a tensor in a texture. */
export function storeTexture(x: Tensor, y: Tensor): void {
  const n = x.size / 4;
  x.device.launch(store, "forward", { read: [x], write: [y], params: { n }, grid: [Math.ceil(n / 64)] });
}
