import assert from "node:assert/strict";
import { frechetDistance, frechetStatistics } from "../../src/eval/frechet.ts";
import { frechetInfluence } from "../../src/eval/frechet_influence.ts";
import { seededRandom } from "../support/random.ts";

const size = 5;

/** Features with a mean, a spread and a correlation of their own. */
function features(count: number, seed: number, shift: number, scale: number): Float64Array {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const values = new Float64Array(count * size);
  for (let n = 0; n < count; n++) {
    const shared = normal();
    for (let d = 0; d < size; d++) values[n * size + d] = shift * (d + 1) + scale * (normal() + 0.5 * d * shared);
  }
  return values;
}

/** The influence of features f by its definition. */
function influence(found: ReturnType<typeof frechetInfluence>, f: Float64Array): number {
  let total = -found.offset;
  for (let i = 0; i < size; i++) {
    const d = f[i]! - found.mean[i]!;
    total += found.slope[i]! * d;
    for (let j = 0; j < size; j++) total += d * found.curvature[i * size + j]! * (f[j]! - found.mean[j]!);
  }
  return total;
}

Deno.test("frechetInfluence: leaving a picture out changes the distance by -I / N", () => {
  const count = 400;
  const real = frechetStatistics(features(900, 1, 0, 1), size);
  for (const [shift, scale] of [[0.2, 1], [0, 1.5], [-0.1, 0.6]] as const) {
    const painted = features(count, 2, shift, scale);
    const found = frechetInfluence(frechetStatistics(painted, size), real);
    const whole = frechetDistance(frechetStatistics(painted, size), real);
    let worst = 0, largest = 0, mean = 0;
    for (let n = 0; n < count; n++) {
      const rest = Float64Array.from(painted.filter((_, i) => Math.floor(i / size) !== n));
      const change = frechetDistance(frechetStatistics(rest, size), real) - whole;
      const own = influence(found, painted.slice(n * size, (n + 1) * size));
      worst = Math.max(worst, Math.abs(change + own / count));
      largest = Math.max(largest, Math.abs(change));
      mean += own / count;
    }
    assert.ok(worst < 0.05 * largest, `off by ${worst} of ${largest} at shift ${shift}, scale ${scale}`);
    assert.ok(Math.abs(mean) < 0.01 * count * largest, `mean ${mean}`);
  }
});

Deno.test("frechetInfluence: the spread is the deviation of the influence of normal features", () => {
  const painted = features(20000, 3, 0.2, 1.3);
  const found = frechetInfluence(
    frechetStatistics(painted, size),
    frechetStatistics(features(20000, 4, 0, 1), size),
  );
  let squares = 0;
  for (let n = 0; n < 20000; n++) squares += influence(found, painted.slice(n * size, (n + 1) * size)) ** 2;
  const measured = Math.sqrt(squares / 20000);
  assert.ok(Math.abs(found.spread / measured - 1) < 0.03, `${found.spread} against ${measured}`);
});

Deno.test("frechetInfluence: features that do not vary have no say, other dimensions are refused", () => {
  const constant = (values: Float64Array) => values.map((value, i) => i % size === 2 ? 1 : value);
  const painted = frechetStatistics(constant(features(200, 5, 0, 1)), size);
  const real = frechetStatistics(constant(features(200, 6, 0, 1)), size);
  const { curvature, spread } = frechetInfluence(painted, real);
  assert.ok(curvature.every(Number.isFinite) && Number.isFinite(spread));
  assert.throws(() => frechetInfluence(painted, frechetStatistics(new Float64Array(12), 3)), {
    name: "RangeError",
    message: "Cannot compare features of 5 and 3 dimensions: take both from the same judge",
  });
});
