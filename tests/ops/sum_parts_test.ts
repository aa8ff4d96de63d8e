import assert from "node:assert/strict";
import { sumParts } from "../../src/ops/sum_parts.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

Deno.test("sumParts: the first axis summed, also beyond what one lane may add", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const [parts, shape] of [[2, [3]], [7, [5, 9]], [32768, [1]], [40_000, [3]]] as const) {
    const random = seededRandom(parts), n = shape.reduce((a: number, b) => a * b, 1);
    const values = Float32Array.from({ length: parts * n }, () => random() - 0.5);
    const wanted = Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let part = 0; part < parts; part++) sum += values[part * n + i]!;
      return sum;
    });
    const found = sumParts(device.tensor(values, [parts, ...shape]), shape);
    assert.deepEqual(found.shape, shape);
    assertAllClose(await found.data(), wanted, 1e-4, `${parts} parts`);
  }
});

Deno.test("sumParts: a single part is its own sum", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const partial = device.tensor(Float32Array.of(1, 2, 3), [1, 3]);
  const found = sumParts(partial, [3]);
  assert.equal(found.storage, partial.storage, "nothing is copied");
  assert.deepEqual([...await found.data()], [1, 2, 3]);
});
