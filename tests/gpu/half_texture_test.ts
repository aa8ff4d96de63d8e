import assert from "node:assert/strict";
import type { ShaderSource } from "../../src/gpu/kernel.ts";
import type { MemoryKind } from "../../src/gpu/pool.ts";
import type { Device } from "../../src/tensor/device.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { fetchTexture } from "./kernels.ts";

/** y = factor x, texel by texel. */
const scale: ShaderSource = {
  name: "scale",
  text: `//@include texture
struct Params { n: u32, factor: f32 }
@group(0) @binding(0) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var y: texture_storage_2d<rgba32float, write>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64) fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { textureStore(y, texel(id.x), params.factor * textureLoad(x, texel(id.x))); }
}`,
};

function scaled(device: Device, x: Tensor, factor: number, kind: MemoryKind): Tensor {
  const y = device.empty(x.shape, "f32", "scaled", kind);
  const n = x.size / 4;
  device.launch(scale, "forward", { read: [x], write: [y], params: { n, factor }, grid: [Math.ceil(n / 64)] });
  return y;
}

/** More than a row of texels: 1/3, 2/3, .. with numbers that float16 cannot hold exactly, and its largest. */
const values = Float32Array.from({ length: 4100 }, (_, i) => i === 7 ? 65504 : (i - 2000) / 3);

Deno.test("textureOf keeps float32 whole, and rounds to float16 in halves", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const whole = await fetchTexture(device.textureOf(values, [4, 1025])).data();
  assert.deepEqual(whole, values);
  const half = device.textureOf(values, [4, 1025], "half");
  assert.deepEqual([half.shape, half.dtype, half.storage.pooled.kind], [[4, 1025], "f32", "half"]);
  assert.deepEqual(await fetchTexture(half).data(), values.map(Math.f16round));
});

Deno.test("kernels read and write both kinds of texture in any combination", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const read = { texture: Math.fround, half: Math.f16round };
  for (const from of ["texture", "half"] as const) {
    const x = device.textureOf(values.subarray(8), [4092], from);
    const exact = values.subarray(8).map((value) => read[from](value) / 3);
    assertAllClose(await fetchTexture(scaled(device, x, 1 / 3, "texture")).data(), exact, 1e-7, `${from} to texture`);
    // WebGPU leaves it to the adapter which of the two neighbours a store takes; llvmpipe takes that nearer to zero.
    const found = await fetchTexture(scaled(device, x, 1 / 3, "half")).data();
    exact.forEach((value, i) => {
      assert.ok(
        Math.abs(found[i]! - value) < 2 ** -10 * Math.abs(value) + 2 ** -24,
        `${from}: ${found[i]} for ${value}`,
      );
      assert.equal(Math.f16round(found[i]!), found[i], "a float16");
    });
  }
});

Deno.test("textureOf pads the last texel with zeros, whatever the memory held before", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const kind of ["texture", "half"] as const) {
    device.textureOf(new Float32Array(4096).fill(9), [4096], kind).dispose();
    const six = device.textureOf(Float32Array.of(1, 2, 3, 4, 5, 6), [6], kind);
    const eight = new Tensor(device, six.storage, [8], "f32");
    assert.deepEqual([...await fetchTexture(eight).data()], [1, 2, 3, 4, 5, 6, 0, 0]);
  }
});
