import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { mib, sizeClass } from "../../src/gpu/pool.ts";
import { Device } from "../../src/tensor/device.ts";
import { testDevice } from "../support/device.ts";
import { applyAffine } from "./kernels.ts";

/** Runs a test on a device of its own, whose counters nobody else moves. */
function poolTest(name: string, memoryBytes: number, body: (device: Device) => void | Promise<void>): void {
  Deno.test(name, async () => {
    const device = await Device.open({ memoryBytes });
    try {
      await body(device);
    } finally {
      device.destroy();
    }
  });
}

Deno.test("size classes grow in quarter steps of powers of two", () => {
  assert.deepEqual([1, 256, 257, 1024, 1025, 1300, 2048, 2049, 3 * 2 ** 20].map(sizeClass), [
    256,
    256,
    512,
    1024,
    1280,
    1536,
    2048,
    2560,
    3 * 2 ** 20,
  ]);
  for (let bytes = 4; bytes < 2 ** 31; bytes = Math.ceil(bytes * 1.37)) {
    const size = sizeClass(bytes);
    assert.ok(size >= bytes && size % 256 === 0, `${bytes} gets ${size}`);
    assert.ok(bytes <= 1024 || size <= 1.25 * bytes, `${bytes} wastes with ${size}`);
    assert.equal(sizeClass(size), size);
  }
});

poolTest("released memory is reused, and the counters add up", 2 ** 20, ({ gpu: { pool } }) => {
  const a = pool.acquire(300, "a"), b = pool.acquire(400, "b");
  assert.deepEqual(pool.counters, { liveBytes: 1024, pooledBytes: 0, peakBytes: 1024, created: 2 });
  pool.release(a);
  assert.deepEqual(pool.counters, { liveBytes: 512, pooledBytes: 512, peakBytes: 1024, created: 2 });
  assert.equal(pool.acquire(512, "c"), a);
  assert.notEqual(pool.acquire(600, "d"), b);
  assert.deepEqual(pool.counters, { liveBytes: 1792, pooledBytes: 0, peakBytes: 1792, created: 3 });
  assert.equal(new Set([a.id, b.id]).size, 2);
});

poolTest("textures and buffers do not stand in for each other", 2 ** 20, ({ gpu: { pool } }) => {
  const texture = pool.acquire(16384, "a", "texture");
  assert.equal(texture.bytes, 16384);
  pool.release(texture);
  assert.equal(pool.acquire(16384, "b").kind, "buffer");
  assert.equal(pool.acquire(16, "c", "texture"), texture);
});

poolTest("half textures take half the bytes, and do not stand in for whole ones", 2 ** 20, ({ gpu: { pool } }) => {
  const half = pool.acquire(8192 + 1, "a", "half");
  assert.deepEqual([half.kind, half.bytes], ["half", 2 * 8192], "rows of 1024 texels of 8 bytes");
  assert.deepEqual(pool.counters, { liveBytes: 16384, pooledBytes: 0, peakBytes: 16384, created: 1 });
  pool.release(half);
  assert.equal(pool.acquire(16384, "b", "texture").kind, "texture");
  assert.equal(pool.acquire(16384, "c", "half"), half);
  assert.deepEqual(pool.counters, { liveBytes: 32768, pooledBytes: 0, peakBytes: 32768, created: 2 });
});

poolTest("textures grow in quarter steps of powers of two rows", 2 ** 30, ({ gpu: { pool } }) => {
  const rows = (count: number, kind: "texture" | "half") => {
    const texel = kind === "half" ? 8 : 16;
    return pool.acquire(count * 1024 * texel, "rows", kind).bytes / (1024 * texel);
  };
  for (const kind of ["texture", "half"] as const) {
    assert.deepEqual([1, 8, 9, 17, 100].map((count) => rows(count, kind)), [1, 8, 10, 20, 112]);
  }
});

poolTest("a full budget first trims what waits, then says what is in use", 2 ** 20, ({ gpu: { pool } }) => {
  pool.release(pool.acquire(2 ** 19, "a"));
  const b = pool.acquire(3 * 2 ** 18, "b");
  assert.deepEqual(pool.counters, { liveBytes: 3 * 2 ** 18, pooledBytes: 0, peakBytes: 3 * 2 ** 18, created: 2 });
  assert.throws(() => pool.acquire(2 ** 19, "softmax [128, 1024]"), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(
      error.message,
      "Cannot allocate 0.50 MiB for softmax [128, 1024]: 0.75 MiB of the budget of 1.00 MiB are in use; " +
        "use a smaller batch, or raise the memory budget",
    );
    return true;
  });
  pool.release(b);
  pool.acquire(2 ** 20, "c");
});

poolTest("the budget counts memory that waits inside a capture", 2 ** 20, (device) => {
  const captured = device.capture(() => {
    device.empty([2 ** 17]).dispose();
    return device.empty([2 ** 16]);
  });
  assert.throws(() => device.empty([2 ** 17]), {
    message: "Cannot allocate 0.50 MiB for tensor [131072]: 0.75 MiB of the budget of 1.00 MiB are in use; " +
      "use a smaller batch, or raise the memory budget",
  });
  captured.dispose();
  device.empty([2 ** 17]).dispose();
});

Deno.test("an allocation above the adapter's binding size says so", async () => {
  const { gpu: { pool, adapter } } = await testDevice();
  const { maxStorageBufferBindingSize, maxBufferSize, maxTextureDimension2D } = adapter.device.limits;
  const limit = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / 256) * 256;
  const refusal = (bytes: number) =>
    `Cannot allocate ${mib(limit + bytes)} for x: this adapter binds at most ${mib(limit)} at once; ` +
    "use a smaller batch or model";
  assert.throws(() => pool.acquire(limit + 4, "x"), { name: "UserError", message: refusal(4) });
  for (const [kind, row] of [["texture", 16384], ["half", 8192]] as const) {
    assert.throws(() => pool.acquire(maxTextureDimension2D * row + 16, "x", kind), {
      message: /^Cannot allocate .* this adapter binds at most/,
    });
  }
});

poolTest("trimming spares recorded work that still names the memory", 2 ** 20, async (device) => {
  const { pool } = device.gpu;
  const result = (() => {
    using scope = device.scope();
    const x = device.tensor(Float32Array.of(1, 2, 3));
    return scope.keep(applyAffine(applyAffine(x, 2, 1), 10, 0));
  })();
  assert.equal(pool.counters.pooledBytes, 512);
  pool.trim();
  assert.equal(pool.counters.pooledBytes, 0);
  assert.deepEqual([...await result.data()], [30, 50, 70]);
  assert.deepEqual([...await applyAffine(result, 1, 1).data()], [31, 51, 71]);
});

poolTest("an upload to recycled memory does not overtake recorded work on its old content", 2 ** 20, async (device) => {
  const { recorder } = device.gpu;
  const old = device.tensor(Float32Array.of(1, 2, 3));
  const result = applyAffine(old, 2, 0);
  const resource = old.storage.pooled;
  const before = recorder.counters.submits;
  old.dispose();
  const fresh = device.tensor(Float32Array.of(100, 200, 300));
  assert.equal(fresh.storage.pooled, resource);
  assert.equal(recorder.counters.submits, before + 1);
  fresh.write(Float32Array.of(7, 8, 9)); // nothing recorded names it now: no further submit
  assert.equal(recorder.counters.submits, before + 1);
  assert.deepEqual([...await result.data()], [2, 4, 6]);
  assert.deepEqual([...await fresh.data()], [7, 8, 9]);
});

Deno.test("byte counts are written for people", () => {
  assert.deepEqual([mib(2 ** 18), mib(2.5 * 2 ** 20), mib(128 * 2 ** 20)], ["0.25 MiB", "2.50 MiB", "128 MiB"]);
});
