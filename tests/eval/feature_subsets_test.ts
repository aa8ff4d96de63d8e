import assert from "node:assert/strict";
import { drawVectors, spreadOf, subsetKernelDistance } from "../../src/eval/feature_subsets.ts";
import { InceptionSplits } from "../../src/eval/inception_splits.ts";
import { inceptionScore } from "../../src/eval/inception_score.ts";
import { kernelDistance } from "../../src/eval/kid.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";
import { randomFeatures } from "./random_features.ts";

Deno.test("drawVectors: different whole vectors, the same for a key; all where there are few", () => {
  const features = Float32Array.from({ length: 40 }, (_, i) => Math.floor(i / 2) + (i % 2) / 2);
  const drawn = drawVectors(features, 2, 7, [1, 2]);
  const first = [...drawn].filter((_, i) => i % 2 === 0);
  assert.equal(new Set(first).size, 7);
  assert.deepEqual([...drawn].filter((_, i) => i % 2 === 1), first.map((value) => value + 0.5));
  assert.deepEqual(drawVectors(features, 2, 7, [1, 2]), drawn);
  assert.notDeepEqual(drawVectors(features, 2, 7, [1, 3]), drawn);
  assert.equal(drawVectors(features, 2, 20, [1, 2]), features);
});

Deno.test("spreadOf: mean and population deviation", () => {
  assert.deepEqual(spreadOf([1, 3]), { value: 2, deviation: 1 });
  assert.deepEqual(spreadOf([5]), { value: 5, deviation: 0 });
});

Deno.test("subsetKernelDistance: small sets whole, large ones by subsets round the same number", () => {
  const real = randomFeatures(5001, 2, 1), fake = randomFeatures(2000, 2, 2, 0.5);
  const whole = kernelDistance(real, fake, 2), few = real.subarray(0, 8000);
  assert.deepEqual(subsetKernelDistance(few, fake, 2), { value: kernelDistance(few, fake, 2), deviation: 0 });
  const { value, deviation } = subsetKernelDistance(real, fake, 2);
  assert.ok(deviation > 0 && Math.abs(value - whole) < 5 * deviation / Math.sqrt(100), `${value} for ${whole}`);
});

Deno.test("InceptionSplits: the mean over splits of 5,000, the last of which may be smaller", () => {
  const random = seededRandom(4), rows = 7000;
  const probabilities = new Float32Array(rows * 3);
  for (let n = 0; n < rows; n++) {
    const odds = [random(), random(), n < 5000 ? 0.1 : 2], total = odds.reduce((a, b) => a + b);
    probabilities.set(odds.map((value) => value / total), n * 3);
  }
  const splits = new InceptionSplits(3);
  for (let at = 0; at < probabilities.length; at += 3 * 900) splits.add(probabilities.subarray(at, at + 3 * 900));
  const scores = [probabilities.subarray(0, 15000), probabilities.subarray(15000)].map((p) => inceptionScore(p, 3));
  const { value, deviation } = splits.score();
  assertAllClose([value, deviation], [(scores[0]! + scores[1]!) / 2, Math.abs(scores[0]! - scores[1]!) / 2], 1e-12);
  assert.throws(() => new InceptionSplits(3).score(), {
    name: "RangeError",
    message: "Cannot take the inception score: no picture came",
  });
});
