import assert from "node:assert/strict";
import { kernelDistance } from "../../src/eval/kid.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { randomFeatures } from "./random_features.ts";

/** The definition, in loops over all pairs. */
function byDefinition(x: Float32Array, y: Float32Array, d: number): number {
  const kernel = (a: Float32Array, i: number, b: Float32Array, j: number) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += a[i * d + k]! * b[j * d + k]!;
    return (sum / d + 1) ** 3;
  };
  const mean = (a: Float32Array, b: Float32Array) => {
    let sum = 0, pairs = 0;
    for (let i = 0; i < a.length / d; i++) {
      for (let j = 0; j < b.length / d; j++) {
        if (a === b && i === j) continue;
        sum += kernel(a, i, b, j);
        pairs++;
      }
    }
    return sum / pairs;
  };
  return mean(x, x) + mean(y, y) - 2 * mean(x, y);
}

Deno.test("kernelDistance: the definition, for sets of different and odd sizes", () => {
  for (const [m, n, d] of [[2, 2, 1], [67, 130, 5], [64, 3, 17]] as const) {
    const x = randomFeatures(m, d, 1), y = randomFeatures(n, d, 2, 0.5);
    assertAllClose([kernelDistance(x, y, d)], [byDefinition(x, y, d)], 1e-12, `${m} and ${n} vectors of ${d}`);
  }
});

Deno.test("kernelDistance: two points on a side by hand", () => {
  // Real: (1 0 + 1)^3 = 1; fake: (2 2 + 1)^3 = 125; both: (0 + 1)^3 twice, (2 + 1)^3 twice.
  assertAllClose([kernelDistance([0, 1], [2, 2], 1)], [1 + 125 - 2 * (1 + 27) / 2], 1e-12);
});

Deno.test("kernelDistance: no bias between equal distributions, whatever the number", () => {
  const distances = Array.from(
    { length: 40 },
    (_, i) => kernelDistance(randomFeatures(20, 4, 2 * i + 1), randomFeatures(30, 4, 2 * i + 2), 4),
  );
  const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length;
  const spread = Math.sqrt(distances.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (distances.length - 1));
  assert.ok(Math.abs(mean) < 3 * spread / Math.sqrt(distances.length), `${mean} with a spread of ${spread}`);
  assert.ok(distances.some((value) => value < 0));
  assert.ok(kernelDistance(randomFeatures(20, 4, 1), randomFeatures(30, 4, 2, 0.5), 4) > 5 * spread);
});

Deno.test("kernelDistance refuses a single vector", () => {
  assert.throws(() => kernelDistance([1, 2, 3, 4], [1, 2], 2), {
    name: "RangeError",
    message: "Cannot take the kernel distance: wanted at least 2 vectors on either side, got 1",
  });
});
