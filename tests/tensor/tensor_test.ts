import assert from "node:assert/strict";
import { foldGrid } from "../../src/tensor/device.ts";
import { testDevice } from "../support/device.ts";

Deno.test("tensors hold host values of every type", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const bytes = device.tensor(Uint8Array.of(0, 255, 7));
  assert.equal(bytes.dtype, "u32");
  assert.deepEqual(await bytes.data(), Uint32Array.of(0, 255, 7));
  assert.deepEqual(await device.tensor(Int32Array.of(-5, 5)).data(), Int32Array.of(-5, 5));
  assert.deepEqual(await device.tensor(Uint32Array.of(2 ** 32 - 1)).data(), Uint32Array.of(2 ** 32 - 1));
  assert.deepEqual(await device.tensor([1.5, -0]).data(), Float32Array.of(1.5, -0));
  const scalar = device.tensor([3], []);
  assert.deepEqual([scalar.shape, scalar.size], [[], 1]);
  assert.equal(await scalar.item(), 3);
});

Deno.test("full fills with any value of any type", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.deepEqual(await device.full([3], -1.5).data(), new Float32Array(3).fill(-1.5));
  assert.deepEqual(await device.full([2], -3, "i32").data(), Int32Array.of(-3, -3));
  assert.deepEqual(await device.full([2], 2 ** 32 - 1, "u32").data(), Uint32Array.of(2 ** 32 - 1, 2 ** 32 - 1));
  const large = await device.full([70_000 * 64 + 1], 2).data();
  assert.ok(large.length === 70_000 * 64 + 1 && large.every((value) => value === 2));
});

Deno.test("foldGrid covers every workgroup within the limits", () => {
  assert.deepEqual(foldGrid(1), [1, 1, 1]);
  assert.deepEqual(foldGrid(65535), [65535, 1, 1]);
  for (const groups of [65536, 131071, 1_000_003, 65535 * 65535]) {
    const [x, y, z] = foldGrid(groups);
    assert.ok(x <= 65535 && y <= 65535 && z === 1 && x * y >= groups && x * y < groups + y, `${groups}: ${x} x ${y}`);
  }
});

Deno.test("write overwrites, in order with recorded work", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2]);
  x.write(Float32Array.of(3, 4));
  assert.deepEqual([...await x.data()], [3, 4]);
});

Deno.test("wrong writes, views and items say what was wanted", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  assert.throws(() => x.write(Float32Array.of(1)), {
    name: "RangeError",
    message: "Cannot write 1 values to shape [2, 3]: wanted 6",
  });
  assert.throws(() => x.write(new Int32Array(6)), {
    name: "RangeError",
    message: "Cannot write i32 values to a tensor of f32",
  });
  assert.throws(() => x.view([4]), {
    name: "RangeError",
    message: "Cannot reshape [2, 3] to [4]: 6 elements needed",
  });
  assert.throws(() => x.view([-1, 3]), { message: /^Cannot make view of shape \[-1, 3\]: every size must be/ });
  await assert.rejects(x.item(), {
    name: "RangeError",
    message: "Cannot take the item of shape [2, 3]: wanted one element",
  });
  assert.throws(() => device.empty([2, 0]), { message: /^Cannot make tensor of shape \[2, 0\]: every size must be/ });
});

Deno.test("textureOf refuses other numbers of values, captures, and reading a texture back", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { counters } = device.gpu.pool;
  const { liveBytes } = counters;
  for (const kind of ["texture", "half"] as const) {
    assert.throws(() => device.textureOf(new Float32Array(7), [2, 4], kind), {
      name: "RangeError",
      message: "Cannot write 7 values to shape [2, 4]: wanted 8",
    });
    assert.throws(() => device.capture(() => device.textureOf(new Float32Array(8), [2, 4], kind)), {
      message: "Cannot write host values inside a capture: make the texture before it",
    });
  }
  assert.equal(counters.liveBytes, liveBytes, "nothing is left of what was refused");
  const half = device.textureOf(new Float32Array(8), [2, 4], "half");
  await assert.rejects(half.data(), { message: "Cannot use a texture in data: use the tensor it is a copy of" });
  assert.throws(() => half.write(new Float32Array(8)), {
    message: "Cannot use a texture in write: use the tensor it is a copy of",
  });
});

Deno.test("a view has the same memory, type and another shape", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor(Int32Array.of(1, 2, 3, 4));
  const view = x.view([2, 2]);
  assert.deepEqual([view.shape, view.dtype, view.storage === x.storage], [[2, 2], "i32", true]);
  view.write(Int32Array.of(5, 6, 7, 8));
  assert.deepEqual([...await x.data()], [5, 6, 7, 8]);
});

Deno.test("idle waits for recorded work and reports errors", async () => {
  const device = await testDevice();
  device.gpu.adapter.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  await assert.rejects(device.idle(), /GPU error near fill/);
  const live = device.gpu.pool.counters.liveBytes;
  await device.idle();
  assert.equal(device.gpu.pool.counters.liveBytes, live);
});
