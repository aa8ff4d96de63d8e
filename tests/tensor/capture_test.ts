import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { affine, applyAffine, fetchTexture, launchAffine, storeTexture } from "../gpu/kernels.ts";

/** A capture of `steps` times y = 1 y + shift. */
function captureChain(device: Device, x: Tensor, steps: number, shift: number | Scalar) {
  return device.capture(() => {
    let y = x;
    for (let i = 0; i < steps; i++) y = applyAffine(y, 1, shift);
    return y;
  });
}

Deno.test("replays follow Scalars and rewritten inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2]), shift = new Scalar(10);
  const { counters } = device.gpu.recorder;
  const dispatches = counters.dispatches;
  const captured = captureChain(device, x, 3, shift);
  assert.equal(counters.dispatches, dispatches, "capturing runs nothing");
  captured.replay();
  assert.deepEqual([...await captured.result.data()], [31, 32]);
  shift.value = -1;
  captured.replay();
  assert.deepEqual([...await captured.result.data()], [-2, -1]);
  x.write(Float32Array.of(100, 200));
  captured.replay();
  x.write(Float32Array.of(5, 6));
  assert.deepEqual([...await captured.result.data()], [97, 197]);
  launchAffine(device.tensor([7, 7]), x, 1, 0); // recorded, not submitted: the replay comes after it
  captured.replay();
  assert.deepEqual([...await applyAffine(captured.result, 2, 0).data()], [8, 8]);
  captured.dispose();
});

Deno.test("a replay may update its own inputs: a training step", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const state = device.tensor([1]);
  const captured = device.capture(() => {
    launchAffine(applyAffine(state, 2, 0), state, 1, 1);
  });
  for (let i = 0; i < 5; i++) captured.replay();
  assert.deepEqual([...await state.data()], [63]);
  captured.dispose();
});

Deno.test("indirect grids and copies to textures are captured", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3, 4]), counts = device.tensor(Uint32Array.of(2, 1, 1));
  const captured = device.capture(() => {
    const y = device.zeros([4]), params = { n: 4, factor: 10, shift: 0 };
    device.launch(affine, "forward", { read: [x], write: [y], params, grid: { counts, at: 0 } });
    const texture = device.texture(y);
    launchAffine(x, y, 0, -1); // the texture keeps the values from before
    return { texels: fetchTexture(texture), y };
  });
  captured.replay();
  assert.deepEqual([...await captured.result.texels.data()], [10, 20, 0, 0]);
  assert.deepEqual([...await captured.result.y.data()], [-1, -1, -1, -1]);
  counts.write(Uint32Array.of(3, 1, 1));
  captured.replay();
  assert.deepEqual([...await captured.result.texels.data()], [10, 20, 30, 0]);
  captured.dispose();
});

Deno.test("copies to textures are shared in a capture until somebody writes the tensor", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3, 4]);
  device.texture(x); // made before the capture: holds what x was then
  const captured = device.capture(() => {
    const first = device.texture(x), again = device.texture(x.view([2, 2]));
    assert.equal(again.storage, first.storage);
    assert.deepEqual(again.shape, [2, 2]);
    const before = fetchTexture(first);
    launchAffine(device.zeros([4]), x, 0, -1);
    const renewed = device.texture(x);
    assert.notEqual(renewed.storage, first.storage);
    first.dispose();
    assert.equal(device.texture(x).storage, renewed.storage);
    renewed.dispose();
    return { before, after: fetchTexture(device.texture(x)) };
  });
  for (const values of [[5, 6, 7, 8], [9, 10, 11, 12]]) {
    x.write(Float32Array.from(values));
    captured.replay();
    assert.deepEqual([...await captured.result.before.data()], values);
    assert.deepEqual([...await captured.result.after.data()], [-1, -1, -1, -1]);
  }
  captured.dispose();
  assert.notEqual(device.texture(x).storage, device.texture(x).storage, "outside everybody has copies of his own");
});

Deno.test("a copy that somebody writes is shared no longer", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3, 4]);
  const captured = device.capture(() => {
    const own = device.texture(x);
    storeTexture(device.full([4], 7), own);
    return [own, device.texture(x)].map(fetchTexture);
  });
  captured.replay();
  const [own, fresh] = await device.read(captured.result);
  assert.deepEqual([[...own!], [...fresh!]], [[7, 7, 7, 7], [1, 2, 3, 4]]);
  captured.dispose();
});

Deno.test("a replay is one submit and allocates nothing", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { gpu } = device;
  const captured = captureChain(device, device.tensor([0]), 50, 1);
  captured.replay();
  await captured.result.data();
  const before = { ...gpu.recorder.counters, ...gpu.pool.counters, compiled: gpu.kernels.compiled };
  for (let i = 0; i < 4; i++) captured.replay();
  assert.deepEqual({ ...gpu.recorder.counters, ...gpu.pool.counters, compiled: gpu.kernels.compiled }, {
    ...before,
    submits: before.submits + 4,
    dispatches: before.dispatches + 200,
  });
  captured.dispose();
});

Deno.test("memory of a capture serves nobody else until it is disposed of", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { pool } = device.gpu;
  const x = device.tensor([1, 2, 3]);
  const captured = device.capture(() => {
    const hidden = applyAffine(x, 2, 0);
    const result = applyAffine(hidden, 1, 1);
    hidden.dispose();
    return result;
  });
  const others = [1, 2, 3, 4].map((value) => device.full([3], value));
  captured.replay();
  assert.deepEqual([...await captured.result.data()], [3, 5, 7]);
  for (const [i, other] of others.entries()) assert.deepEqual([...await other.data()], [i + 1, i + 1, i + 1]);
  const { liveBytes, pooledBytes, created } = pool.counters;
  captured.dispose();
  captured.dispose(); // harmless
  assert.equal(pool.counters.liveBytes, liveBytes - 256);
  assert.equal(pool.counters.pooledBytes, pooledBytes + 256);
  device.zeros([3]);
  device.zeros([3]);
  assert.equal(pool.counters.created, created, "both buffers of the capture are free again");
});

Deno.test("disposing in a capture lets its own later ops reuse the memory", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1]);
  const { counters } = device.gpu.pool;
  device.gpu.pool.trim();
  const created = counters.created;
  const captured = device.capture(() => {
    let y = applyAffine(x, 1, 1);
    for (let i = 0; i < 10; i++) {
      const next = applyAffine(y, 1, 1);
      y.dispose();
      y = next;
    }
    return y;
  });
  assert.equal(counters.created, created + 2);
  captured.replay();
  assert.deepEqual([...await captured.result.data()], [12]);
  captured.dispose();
});

Deno.test("what a capture cannot do is said", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1]);
  const { counters } = device.gpu.pool;
  const live = counters.liveBytes;
  const refuse = (body: () => unknown, message: string) =>
    assert.throws(() => device.capture(() => void (applyAffine(x, 1, 1), body())), { message });
  refuse(() => device.capture(() => {}), "Cannot capture inside a capture: capture the steps one after the other");
  refuse(() => x.write(Float32Array.of(1)), "Cannot write host values inside a capture: make the tensor before it");
  refuse(() => device.tensor([1]), "Cannot write host values inside a capture: make the tensor before it");
  let read: Promise<unknown> | undefined;
  device.capture(() => void (read = x.data())).dispose();
  await assert.rejects(read!, { message: "Cannot read values inside a capture: read its result after a replay" });
  assert.equal(counters.liveBytes, live, "a failed capture gives its memory back");
  const after = captureChain(device, x, 1, 1); // the device can capture again
  after.replay();
  assert.deepEqual([...await after.result.data()], [2]);
  after.dispose();
});

Deno.test("a step of too many dispatches is refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1]), y = device.empty([1]);
  const endless = () => {
    for (;;) launchAffine(x, y, 1, 1);
  };
  assert.throws(() => device.capture(endless), {
    message: /^Cannot capture more than \d{4,} dispatches in one step: capture it in several parts$/,
  });
  assert.deepEqual([...await applyAffine(x, 1, 1).data()], [2], "the device works on after the error");
});

Deno.test("a replay without its inputs or after dispose is refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1]);
  const captured = captureChain(device, x, 1, 1);
  x.dispose();
  assert.throws(() => captured.replay(), {
    message: "Cannot replay a captured step: the scope of one of its inputs has ended; keep() the input",
  });
  captured.dispose();
  assert.throws(() => captured.replay(), {
    message: "Cannot replay a captured step after its dispose(): capture it again",
  });
  await assert.rejects(captured.result.data(), { message: /^Cannot use a tensor of shape \[1\] in data/ });
});

Deno.test("two captures live side by side", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1]);
  const first = captureChain(device, x, 2, 1);
  const second = captureChain(device, first.result, 2, 10);
  first.replay();
  second.replay();
  assert.deepEqual([...await first.result.data(), ...await second.result.data()], [3, 23]);
  second.dispose();
  first.replay();
  assert.deepEqual([...await first.result.data()], [3]);
  first.dispose();
});
