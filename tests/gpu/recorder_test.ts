import assert from "node:assert/strict";
import type { ShaderSource } from "../../src/gpu/kernel.ts";
import { testDevice } from "../support/device.ts";
import { affine, applyAffine, fetchTexture, launchAffine } from "./kernels.ts";

/** Counts its invocations: y[0] += 1 for each workgroup of an indirect or direct grid. */
const count: ShaderSource = {
  name: "count",
  text: `struct Params { n: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(1) fn forward() { atomicAdd(&y[0], params.n); }`,
};

Deno.test("many ops are one submit, and run in order", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  let x = device.tensor(Float32Array.of(0, 1));
  await x.data();
  const { counters } = device.gpu.recorder;
  const before = { ...counters };
  for (let i = 0; i < 10; i++) x = applyAffine(x, 2, 1);
  assert.deepEqual(counters, before);
  assert.deepEqual([...await x.data()], [1023, 2047]);
  assert.deepEqual(counters, { submits: before.submits + 1, dispatches: before.dispatches + 10 });
});

Deno.test("more dispatches than the params ring holds flush in between and keep their params", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const a = device.tensor(Float32Array.of(0)), b = device.empty([1]);
  const { counters } = device.gpu.recorder;
  const before = counters.submits;
  const steps = Math.ceil(2 ** 20 / device.gpu.adapter.device.limits.minUniformBufferOffsetAlignment * 1.1);
  let expected = 0;
  for (let i = 0; i < steps; i++) {
    launchAffine(...(i % 2 ? [b, a] as const : [a, b] as const), 1, i % 7);
    expected += i % 7;
  }
  const last = steps % 2 ? b : a;
  assert.deepEqual([...await last.data()], [expected]);
  assert.equal(counters.submits, before + 2);
});

Deno.test("grids above 65535 workgroups are folded and reach every element", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const n = 70_001;
  const y = await applyAffine(device.tensor(Float32Array.from({ length: n }, (_, i) => i)), 1, 1).data();
  assert.ok(y.every((value, i) => value === i + 1));
});

Deno.test("a grid dimension above 65535 is refused with the kernel's name", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([1]), y = device.empty([1]);
  assert.throws(
    () =>
      device.launch(affine, "forward", {
        read: [x],
        write: [y],
        params: { n: 1, factor: 1, shift: 1 },
        grid: [1, 65536],
      }),
    { message: "affine.wgsl/forward: grid [1, 65536, 1] exceeds 65535 workgroups in a dimension" },
  );
});

Deno.test("memory that is written may be bound only once", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([4]);
  assert.throws(() => launchAffine(x, x.view([2, 2]), 1, 1), {
    message: "Cannot run affine.wgsl/forward: bindings 0 and 1 are the same memory, and 1 is written",
  });
});

Deno.test("indirect grids are read on the device, at their place in the counts", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const counts = device.tensor(Uint32Array.of(9, 9, 3, 2, 2, 0, 1, 1));
  const y = device.zeros([1], "u32");
  const launch = (at: number) =>
    device.launch(count, "forward", { read: [], write: [y], params: { n: 1 }, grid: { counts, at } });
  launch(2);
  assert.deepEqual([...await y.data()], [12]);
  launch(5); // no workgroups
  assert.deepEqual([...await y.data()], [12]);
  launch(2);
  counts.write(new Uint32Array(8)); // must wait for the dispatch that reads the old counts
  assert.deepEqual([...await y.data()], [24]);
});

Deno.test("textures are copied between dispatches in order, whole rows and the rest", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const n of [4, 4096, 4100, 12292]) {
    const x = applyAffine(device.tensor(Float32Array.from({ length: n }, (_, i) => i)), 2, 0);
    const first = device.texture(x);
    launchAffine(device.zeros([n]), x, 0, -1); // the texture keeps the values from before
    const y = fetchTexture(first), z = fetchTexture(device.texture(x));
    const submits = device.gpu.recorder.counters.submits;
    assert.ok((await y.data()).every((value, i) => value === 2 * i), `${n} elements`);
    assert.ok((await z.data()).every((value) => value === -1), `${n} elements`);
    assert.equal(device.gpu.recorder.counters.submits, submits + 2);
  }
});

Deno.test("textures are for kernels: reading, writing and odd sizes are refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const texture = device.texture(device.zeros([4]));
  await assert.rejects(texture.data(), { message: "Cannot use a texture in data: use the tensor it is a copy of" });
  assert.throws(() => texture.write(new Float32Array(4)), { message: /^Cannot use a texture in write/ });
  assert.throws(() => device.texture(device.zeros([2, 3])), {
    message: "Cannot copy shape [2, 3] to a texture: wanted a number of elements divisible by 4",
  });
});
