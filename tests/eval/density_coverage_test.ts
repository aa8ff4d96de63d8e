import assert from "node:assert/strict";
import { prdc } from "../../src/eval/density_coverage.ts";
import { precisionRecall } from "../../src/eval/precision_recall.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { randomFeatures } from "./random_features.ts";

/** Density and coverage by their definition, pair by pair. */
function byPairs(real: Float32Array, fake: Float32Array, d: number, k: number): [number, number] {
  const squared = (a: Float32Array, i: number, b: Float32Array, j: number) =>
    Array.from({ length: d }, (_, c) => (a[i * d + c]! - b[j * d + c]!) ** 2).reduce((sum, v) => sum + v);
  const m = real.length / d, n = fake.length / d;
  let claims = 0, covered = 0;
  for (let i = 0; i < m; i++) {
    const radius = Array.from({ length: m }, (_, j) => squared(real, i, real, j)).sort((a, b) => a - b)[k]!;
    const inside = Array.from({ length: n }, (_, j) => squared(fake, j, real, i)).filter((v) => v <= radius).length;
    claims += inside;
    covered += inside > 0 ? 1 : 0;
  }
  return [claims / (k * n), covered / m];
}

Deno.test("prdc: precision and recall as ever, density and coverage by their definition", () => {
  const d = 7, real = randomFeatures(83, d, 1), fake = randomFeatures(71, d, 2, 0.3);
  const found = prdc(real, fake, d), { precision, recall } = precisionRecall(real, fake, d);
  assert.deepEqual([found.precision, found.recall], [precision, recall]);
  assertAllClose([found.density, found.coverage], byPairs(real, fake, d, 5), 1e-12);
  assert.ok(found.density > 0.1 && found.coverage > 0.1 && found.coverage < 1);
});

Deno.test("prdc: equal sets cover each other, distant ones do not", () => {
  const d = 4, real = randomFeatures(60, d, 3);
  const same = prdc(real, real, d);
  assert.deepEqual([same.precision, same.recall, same.coverage], [1, 1, 1]);
  assertAllClose([same.density], [6 / 5], 1e-12, "5 neighbours and the vector itself");
  assert.deepEqual(prdc(real, real.map((value) => value + 100), d), {
    ...{ precision: 0, recall: 0, density: 0, coverage: 0 },
  });
});

Deno.test("prdc: too few vectors", () => {
  assert.throws(() => prdc(new Float32Array(10), new Float32Array(16), 2), {
    name: "RangeError",
    message: "Cannot take precision, recall, density and coverage: wanted at least 6 vectors on either side, got 5",
  });
});
