import assert from "node:assert/strict";
import { precisionRecall } from "../../src/eval/precision_recall.ts";
import { randomFeatures } from "./random_features.ts";

/** The definition, in loops over all pairs. */
function byDefinition(x: Float32Array, y: Float32Array, d: number, k: number) {
  const distance = (a: Float32Array, i: number, b: Float32Array, j: number) => {
    let sum = 0;
    for (let c = 0; c < d; c++) sum += (a[i * d + c]! - b[j * d + c]!) ** 2;
    return sum;
  };
  const numbers = (a: Float32Array) => Array.from({ length: a.length / d }, (_, i) => i);
  const radii = (a: Float32Array) =>
    numbers(a).map((i) =>
      numbers(a).filter((j) => j !== i).map((j) => distance(a, i, a, j)).sort((p, q) => p - q)[k - 1]!
    );
  const covered = (balls: Float32Array, points: Float32Array) => {
    const r = radii(balls);
    const inside = numbers(points).filter((j) => numbers(balls).some((i) => distance(balls, i, points, j) <= r[i]!));
    return inside.length / (points.length / d);
  };
  return { precision: covered(x, y), recall: covered(y, x) };
}

Deno.test("precisionRecall: the definition, for several k and sets of different and odd sizes", () => {
  for (const [m, n, d, k] of [[5, 4, 1, 3], [67, 130, 5, 3], [130, 40, 3, 1], [90, 65, 8, 7]] as const) {
    const x = randomFeatures(m, d, 1), y = randomFeatures(n, d, 2, 0.3);
    const found = precisionRecall(x, y, d, k);
    assert.deepEqual(found, byDefinition(x, y, d, k));
    assert.ok(found.precision > 0 && found.recall > 0);
  }
});

Deno.test("precisionRecall: borders count as inside, the point itself is no neighbour", () => {
  // Balls of radius 1 round 0 and 1, and of radius 2 round 3: 2, 5 and 6 lie inside, inside, outside.
  const { precision, recall } = precisionRecall([0, 1, 3], [2, 5, 6], 1, 1);
  assert.equal(precision, 2 / 3);
  // Balls of radius 3 round 2 and of radius 1 round 5 and 6: the first holds 0, 1 and 3.
  assert.equal(recall, 1);
});

Deno.test("precisionRecall: equal sets cover each other, even of repeated points; far ones do not", () => {
  const x = randomFeatures(70, 6, 4);
  assert.deepEqual(precisionRecall(x, x.slice(), 6), { precision: 1, recall: 1 });
  const same = new Float32Array(60).fill(0.3);
  assert.deepEqual(precisionRecall(same, same.slice(), 6), { precision: 1, recall: 1 });
  assert.deepEqual(precisionRecall(x, randomFeatures(70, 6, 5, 20), 6), { precision: 0, recall: 0 });
  // One mode of two: what is painted is real, half of the real is not painted.
  const modes = Float32Array.from([...randomFeatures(60, 4, 6), ...randomFeatures(60, 4, 7, 20)]);
  const one = precisionRecall(modes, randomFeatures(60, 4, 8), 4);
  assert.ok(one.precision > 0.8 && one.recall > 0.4 && one.recall <= 0.5, JSON.stringify(one));
});

Deno.test("precisionRecall refuses a k that the sets are too small for", () => {
  for (const k of [0, 1.5, 3]) {
    assert.throws(() => precisionRecall([1, 2, 3, 4], [1, 2, 3], 1, k), {
      name: "RangeError",
      message: "Cannot take precision and recall: k must be a whole number from 1 to 2, " +
        `one less than the 3 vectors of the smaller side, got ${k}`,
    });
  }
});
