import assert from "node:assert/strict";
import { bootstrapInterval, meanInterval } from "../../src/eval/bootstrap.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";

const key = [7, 1] as const;

Deno.test("meanInterval: the interval of the binomial distribution", () => {
  const hits = Array.from({ length: 400 }, (_, n) => n % 10 ? 1 : 0);
  const { estimate, low, high, bias } = meanInterval(hits, { key });
  assertAllClose([estimate], [0.9], 1e-12);
  const deviation = Math.sqrt(0.9 * 0.1 / 400);
  assertAllClose([low, high], [0.9 - 1.96 * deviation, 0.9 + 1.96 * deviation], 0.005);
  assert.ok(Math.abs(bias) < 4 * deviation / Math.sqrt(1000));
  const narrow = meanInterval(hits, { key, confidence: 0.5 });
  assertAllClose([narrow.low, narrow.high], [0.9 - 0.6745 * deviation, 0.9 + 0.6745 * deviation], 0.005);
});

Deno.test("bootstrapInterval: resamples hold as many pictures as there are, each as often as any other", () => {
  const count = 37, resamples = 500, total = new Float64Array(count), seen: number[] = [];
  bootstrapInterval(count, (drawn) => {
    assert.equal(drawn.reduce((sum, times) => sum + times, 0), count);
    drawn.forEach((times, n) => total[n]! += times);
    return seen.push(drawn[0]!);
  }, { key, resamples });
  assert.equal(seen.length, resamples + 1);
  // Chi-square over the pictures, 36 degrees of freedom: 0.1 % lie above 68. The estimate drew each once.
  const chiSquare = total.reduce((sum, times) => sum + (times - 1 - resamples) ** 2 / resamples, 0);
  assert.ok(chiSquare < 68, `${chiSquare}`);
});

Deno.test("bootstrapInterval: the same for the same key, another for another seed or stream", () => {
  const random = seededRandom(1), values = Array.from({ length: 100 }, random);
  const interval = (seed: number, stream: number) => meanInterval(values, { key: [seed, stream], resamples: 100 });
  assert.deepEqual(interval(1, 2), interval(1, 2));
  assert.notDeepEqual(interval(1, 2), interval(1, 3));
  assert.notDeepEqual(interval(1, 2), interval(2, 2));
});

Deno.test("bootstrapInterval: centred moves the interval by the bias of resampling", () => {
  // The largest of a sample never grows by resampling.
  const largest = (drawn: Uint32Array) => drawn.reduce((most, times, n) => times ? n : most, 0);
  const plain = bootstrapInterval(50, largest, { key }),
    centred = bootstrapInterval(50, largest, { key, centred: true });
  assert.ok(plain.bias < -0.3);
  assertAllClose([centred.low, centred.high], [plain.low - plain.bias, plain.high - plain.bias], 1e-12);
  assert.equal(centred.estimate, 49);
});

Deno.test("meanInterval covers the true mean as often as it says", () => {
  const random = seededRandom(5);
  let covered = 0;
  for (let trial = 0; trial < 200; trial++) {
    const { low, high } = meanInterval(Array.from({ length: 60 }, () => random() < 0.4 ? 1 : 0), {
      key: [trial, 0],
      resamples: 200,
      confidence: 0.9,
    });
    if (low <= 0.4 && 0.4 <= high) covered++;
  }
  assert.ok(covered >= 165 && covered <= 195, `${covered} of 200`);
});

Deno.test("bootstrapInterval refuses what cannot be resampled", () => {
  const refuses = (run: () => unknown, message: string) =>
    assert.throws(run, { name: "RangeError", message: `Cannot bootstrap: ${message}` });
  refuses(() => meanInterval([], { key }), "pictures and resamples must be positive whole numbers, got 0 and 1000");
  refuses(
    () => meanInterval([1], { key, resamples: 0.5 }),
    "pictures and resamples must be positive whole numbers, got 1 and 0.5",
  );
  refuses(
    () => meanInterval([1], { key, confidence: 95 }),
    "confidence must lie between 0 and 1, such as 0.95, got 95",
  );
  refuses(() => meanInterval([1, NaN], { key }), "the statistic must be finite in every resample, got NaN");
});
