import assert from "node:assert/strict";
import type { ShaderSource } from "../../src/gpu/kernel.ts";
import { ParamBlock, type ParamValues, Scalar } from "../../src/gpu/params.ts";
import { testDevice } from "../support/device.ts";
import { affine } from "./kernels.ts";

/** Writes every field of a Params struct, as bits, so that the device says where it reads them. */
const echo: ShaderSource = {
  name: "echo",
  text: `struct Params { a: u32, v: vec4f, b: i32, c: f32, w: vec4u, k: vec4i, z: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(1) fn forward() {
  y[0] = params.a; y[1] = bitcast<u32>(params.b); y[2] = bitcast<u32>(params.c); y[3] = params.z;
//@unroll i 0 4
  y[$(4 + i)u] = bitcast<u32>(params.v[$i]);
  y[$(8 + i)u] = params.w[$i];
  y[$(12 + i)u] = bitcast<u32>(params.k[$i]);
//@end
}`,
};

async function run(params: ParamValues): Promise<Uint32Array> {
  const device = await testDevice();
  using _scope = device.scope();
  const y = device.empty([16], "u32");
  device.launch(echo, "forward", { read: [], write: [y], params, grid: [1] });
  return new Uint32Array((await y.data()).buffer);
}

const given = { a: 1, v: [0.5, -2, 3, 4], b: -7, c: 1.5, w: [2 ** 32 - 1, 6, 7, 8], k: [-1, -2, -3, -4], z: 9 };

Deno.test("kernels read params of every type where the host puts them", async () => {
  const found = await run(given);
  const floats = new Float32Array(found.buffer), ints = new Int32Array(found.buffer);
  assert.deepEqual([found[0], ints[1], floats[2], found[3]], [1, -7, 1.5, 9]);
  assert.deepEqual([...floats.slice(4, 8)], given.v);
  assert.deepEqual([...found.slice(8, 12)], given.w);
  assert.deepEqual([...ints.slice(12)], given.k);
});

Deno.test("a Scalar stands for a number, and a short list is filled with zeros", async () => {
  await run(given);
  const found = await run({ ...given, a: new Scalar(77), c: new Scalar(-0.25), w: [5, 6] });
  assert.deepEqual([found[0], new Float32Array(found.buffer)[2]], [77, -0.25]);
  assert.deepEqual([...found.slice(8, 12)], [5, 6, 0, 0]);
});

for (
  const [what, params, message] of [
    ["a missing field", { ...given, z: undefined }, "param z is missing"],
    ["a list for a number", { ...given, z: [1, 2] }, "param z takes one number, got 2"],
    ["a number for a list", { ...given, v: 1 }, "param v takes a list of at most 4 numbers, got one number"],
    ["a list too long", { ...given, v: [1, 2, 3, 4, 5] }, "param v takes a list of at most 4 numbers, got 5"],
    ["unknown fields", { first: 1, ...given, last: 2 }, "Params has no field first, last"],
  ] as const
) {
  Deno.test(`params refuse ${what}`, async () => {
    await assert.rejects(run(params as unknown as ParamValues), { message: `echo.wgsl/forward: ${message}` });
  });
}

Deno.test("only params that changed are uploaded again", async () => {
  const device = await testDevice();
  const kernel = device.gpu.kernels.kernel(affine, "forward", "rw");
  const block = new ParamBlock(256, 1 << 16), factor = new Scalar(2), shift = new Scalar(3);
  const bytes = kernel.shader.paramWords * 4;
  const first = block.append(kernel, { n: 1, factor, shift: 0 });
  const last = block.append(kernel, { n: 1, factor: 1, shift });
  const range = (changes = block.takeChanges()) => changes && [changes.byteOffset, changes.byteLength];
  assert.deepEqual(range(), [0, last + bytes], "all of it at first");
  block.refresh();
  assert.equal(range(), null);
  factor.value = 5;
  block.refresh();
  assert.deepEqual(range(), [first + 4, 4]);
  [factor.value, shift.value] = [6, 7];
  block.refresh();
  const changes = block.takeChanges()!;
  assert.deepEqual(range(changes), [first + 4, last + 12 - first - 4]);
  const values = new DataView(changes.buffer);
  assert.deepEqual([values.getFloat32(first + 4, true), values.getFloat32(last + 8, true)], [6, 7]);
  shift.value = NaN;
  block.refresh();
  assert.deepEqual(range(), [last + 8, 4]);
  block.refresh();
  assert.equal(range(), null, "NaN is compared by its bits");
  block.reset();
  block.append(kernel, { n: 1, factor: 1, shift: 1 });
  assert.deepEqual(range(), [0, bytes]);
});
