import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeSchedules, groupSizes } from "../../src/models/decode_schedule.ts";

Deno.test("groupSizes: every step paints at least one cell and all together all cells, in at most the given steps", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...decodeSchedules),
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 300 }),
      (
        schedule,
        steps,
        cells,
      ) => {
        const groups = groupSizes(schedule, steps, cells);
        assert.ok(groups.every((group) => Number.isInteger(group) && group >= 1));
        assert.equal(groups.reduce((a, b) => a + b), cells);
        assert.ok(groups.length <= Math.min(steps, cells));
      },
    ),
    { seed: 1 },
  );
});

Deno.test("groupSizes: known plans", () => {
  assert.deepEqual(groupSizes("arccos", 6, 16), [2, 2, 2, 2, 3, 5], "the published rule");
  assert.deepEqual(groupSizes("cosine", 4, 49), [4, 11, 16, 18]);
  assert.deepEqual(groupSizes("linear", 4, 49), [13, 12, 12, 12]);
  assert.deepEqual(groupSizes("linear", 49, 49), Array(49).fill(1), "exact, without a rounded third");
  assert.deepEqual(groupSizes("constant", 3, 16), [6, 5, 5]);
  assert.deepEqual(groupSizes("arccos", 1, 49), [49]);
  assert.deepEqual(groupSizes("cosine", 100, 3), [1, 1, 1], "never more steps than cells");
});

Deno.test("groupSizes refuses numbers that are no positive integers", () => {
  assert.throws(() => groupSizes("arccos", 0, 49), {
    name: "RangeError",
    message: "Cannot plan the decoding: steps must be a positive integer, got 0",
  });
  assert.throws(() => groupSizes("linear", 4, 1.5), {
    name: "RangeError",
    message: "Cannot plan the decoding: cells must be a positive integer, got 1.5",
  });
});
