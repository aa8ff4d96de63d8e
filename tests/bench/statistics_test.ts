import assert from "node:assert/strict";
import { median, powerLawExponent } from "../../bench/statistics.ts";

Deno.test("median: the middle one, or the mean of two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
});

Deno.test("powerLawExponent: exact for power laws, least squares of the logarithms otherwise", () => {
  for (const exponent of [0, 1, 2.5, -1]) {
    const points = [1, 2, 8, 100].map((x) => [x, 3 * x ** exponent] as const);
    assert.ok(Math.abs(powerLawExponent(points) - exponent) < 1e-12);
  }
  // Logarithms (0, 0), (1, 1), (2, 0): the slope is 0.
  assert.ok(Math.abs(powerLawExponent([[1, 1], [Math.E, Math.E], [Math.E ** 2, 1]])) < 1e-12);
});

Deno.test("powerLawExponent: refuses what has no slope or no logarithm", () => {
  assert.throws(() => powerLawExponent([[2, 1], [2, 3]]), {
    name: "RangeError",
    message: "Cannot fit a power law: wanted two different x or more, got 2 points",
  });
  for (const bad of [0, -1, NaN, Infinity]) {
    assert.throws(() => powerLawExponent([[1, 2], [3, bad]]), {
      name: "RangeError",
      message: `Cannot fit a power law: x and y must be positive, got (3, ${bad})`,
    });
  }
});
