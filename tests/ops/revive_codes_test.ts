import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import { reviveCodes } from "../../src/ops/revive_codes.ts";
import { philox } from "../../src/tensor/philox.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

Deno.test("reviveCodes: ages count, and the dead are set on the vectors that the key draws", async () => {
  const device = await testDevice();
  const random = seededRandom(3);
  for (const [n, count, size, window] of [[1, 1, 1, 1], [37, 19, 3, 2], [4, 70, 8, 3]] as const) {
    using _scope = device.scope();
    const used = Int32Array.from({ length: n }, () => Math.floor(count * random() / 2)); // half the codes stay unused
    const vectors = Float32Array.from({ length: n * size }, () => random());
    const expected = new Float32Array(count * size).fill(-1), ages = new Uint32Array(count);
    const batch = {
      codes: device.tensor(used),
      vectors: device.tensor(vectors, [n, size]),
      table: device.tensor(expected.slice(), [count, size]),
      age: device.zeros([count], "u32"),
    };
    const step = new Scalar(0);
    const captured = device.capture(() => reviveCodes(batch, window, { seed: 5, stream: 6, step, purpose: 7 }));
    for (let t = 0; t < 5; t++) {
      step.value = t;
      captured.replay();
      for (let k = 0; k < count; k++) {
        ages[k] = used.includes(k) ? 0 : ages[k]! + 1;
        if (ages[k]! < window) continue;
        ages[k] = 0;
        const row = philox([k, 0, t, 7], [5, 6])[0] % n;
        expected.set(vectors.subarray(row * size, (row + 1) * size), k * size);
      }
      assert.deepEqual(await batch.age.data(), ages);
      assert.deepEqual(await batch.table.data(), expected);
    }
    captured.dispose();
  }
});

Deno.test("reviveCodes: the largest window revives none", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const table = device.zeros([3, 2]), age = device.tensor(Uint32Array.of(0, 1000, 2 ** 31));
  const key = { seed: 0, stream: 0, step: 0, purpose: 0 };
  reviveCodes(
    { codes: device.tensor(Int32Array.of(0)), vectors: device.full([1, 2], 1), table, age },
    2 ** 32 - 1,
    key,
  );
  assert.deepEqual([...await table.data()], [0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...await age.data()], [0, 1001, 2 ** 31 + 1]);
});

Deno.test("reviveCodes refuses what does not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const key = { seed: 0, stream: 0, step: 0, purpose: 0 };
  const good = {
    codes: device.zeros([4], "i32"),
    vectors: device.zeros([4, 2]),
    table: device.zeros([3, 2]),
    age: device.zeros([3], "u32"),
  };
  const refuses = (changes: Partial<typeof good>, message: string) =>
    assert.throws(() => reviveCodes({ ...good, ...changes }, 1, key), { name: "RangeError", message });
  refuses({ table: device.zeros([6]) }, "Cannot apply revive_codes: table must have 2 axes, got shape [6]");
  refuses({ vectors: device.zeros([4, 3]) }, "Cannot apply revive_codes: vectors must have shape [4, 2], got [4, 3]");
  refuses({ age: device.zeros([4], "u32") }, "Cannot apply revive_codes: age must have shape [3], got [4]");
  refuses({ age: device.zeros([3]) }, "Cannot apply revive_codes: codes must be i32 and age u32, got i32 and f32");
  refuses(
    { codes: device.zeros([60001], "i32"), vectors: device.zeros([60001, 2]) },
    "Cannot apply revive_codes to 60001 vectors: wanted at most 60000; pass a part of them",
  );
});
