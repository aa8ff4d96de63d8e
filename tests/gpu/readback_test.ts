import assert from "node:assert/strict";
import { Readback } from "../../src/gpu/readback.ts";
import { testDevice } from "../support/device.ts";
import { applyAffine, launchAffine } from "./kernels.ts";

Deno.test("both ways of reading give the same bytes, also when started together", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { gpu } = device;
  const x = device.tensor(Float32Array.from({ length: 300_001 }, (_, i) => i));
  const y = device.tensor(Uint32Array.of(1, 2, 3));
  const part = (tensor: typeof x) => ({ source: tensor.storage.pooled, bytes: tensor.size * 4 });
  for (const immediate of [true, false]) {
    const readback = new Readback(gpu.adapter.device, gpu.recorder, immediate);
    const [[large, small], [shifted], [empty]] = await Promise.all([
      readback.read([part(applyAffine(x, 2, 0)), part(y)]),
      readback.read([part(applyAffine(x, 1, 5))]),
      readback.read([{ source: y.storage.pooled, bytes: 4 }]),
    ]);
    assert.ok(new Float32Array(large!).every((value, i) => value === 2 * i));
    assert.deepEqual([...new Uint32Array(small!)], [1, 2, 3]);
    assert.ok(new Float32Array(shifted!).every((value, i) => value === i + 5));
    assert.deepEqual([...new Uint32Array(empty!)], [1]);
  }
});

Deno.test("a read takes the values of the moment of its call", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { gpu } = device;
  for (const immediate of [true, false]) {
    const readback = new Readback(gpu.adapter.device, gpu.recorder, immediate);
    const x = device.tensor(Float32Array.of(1, 2));
    const read = () => readback.read([{ source: x.storage.pooled, bytes: 8 }]);
    const first = read();
    launchAffine(device.tensor(Float32Array.of(5, 6)), x, 1, 0);
    const second = read();
    x.dispose();
    launchAffine(device.tensor(Float32Array.of(8, 9)), device.empty([2]), 1, 0); // reuses the memory
    assert.deepEqual([...new Float32Array((await first)[0]!)], [1, 2]);
    assert.deepEqual([...new Float32Array((await second)[0]!)], [5, 6]);
  }
});

Deno.test("several tensors are one submit, and data() of several one each", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { counters } = device.gpu.recorder;
  const tensors = [Float32Array.of(1.5), Int32Array.of(-1, -2), Uint32Array.of(2 ** 32 - 1)].map((a) =>
    device.tensor(a)
  );
  const before = counters.submits;
  const found = await device.read(tensors);
  assert.equal(counters.submits, before + 1);
  assert.deepEqual(found, [Float32Array.of(1.5), Int32Array.of(-1, -2), Uint32Array.of(2 ** 32 - 1)]);
  assert.deepEqual(await Promise.all(tensors.map((tensor) => tensor.data())), found);
  assert.equal(counters.submits, before + 4);
});

Deno.test("a read of more than a buffer can hold is refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { gpu } = device;
  const { maxBufferSize } = gpu.adapter.device.limits;
  const source = device.zeros([1]).storage.pooled;
  const readback = new Readback(gpu.adapter.device, gpu.recorder, true);
  await assert.rejects(readback.read([{ source, bytes: 8 }, { source, bytes: maxBufferSize }]), {
    name: "RangeError",
    message: `Cannot read ${8 + Math.ceil(maxBufferSize / 8) * 8} bytes at once: this adapter maps at most ` +
      `${maxBufferSize}; read fewer tensors at a time`,
  });
});
