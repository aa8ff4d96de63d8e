import assert from "node:assert/strict";
import { quantile } from "../../src/tensor/quantile.ts";

Deno.test("quantile: between neighbours by linear interpolation, the ends at 0 and 1", () => {
  const sorted = [1, 2, 4, 8, 16];
  assert.deepEqual([0, 0.25, 0.5, 0.6, 0.9, 1].map((level) => quantile(sorted, level)), [1, 2, 4, 5.6, 12.8, 16]);
  assert.equal(quantile([3], 0.7), 3);
});

Deno.test("quantile refuses nothing and levels that are none", () => {
  for (const [sorted, level] of [[[], 0.5], [[1], 1.5], [[1], NaN]] as const) {
    assert.throws(() => quantile(sorted, level), {
      name: "RangeError",
      message: "Cannot take the quantile: wanted at least one number and a level from 0 to 1, " +
        `got ${sorted.length} and ${level}`,
    });
  }
});
