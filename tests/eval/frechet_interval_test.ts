import assert from "node:assert/strict";
import { frechetDistance, frechetStatistics } from "../../src/eval/frechet.ts";
import { frechetInterval, frechetOfResamples } from "../../src/eval/frechet_interval.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";
import { randomFeatures } from "./random_features.ts";

Deno.test("frechetOfResamples: the distance of the repeated pictures, dead features included", () => {
  const dimensions = 12, count = 60;
  const reference = randomFeatures(200, dimensions, 1), features = randomFeatures(count, dimensions, 2, 0.4);
  for (const dead of [reference, features]) dead.forEach((_, i) => i % dimensions === 3 && (dead[i] = 0.25));
  reference.forEach((_, i) => i % dimensions === 7 && (reference[i] = 1));
  const statistics = frechetStatistics(reference, dimensions);
  const distance = frechetOfResamples(statistics, features, dimensions);
  const random = seededRandom(3);
  for (let resample = 0; resample < 4; resample++) {
    const drawn = new Uint32Array(count);
    for (let n = 0; n < count; n++) drawn[resample === 0 ? n : Math.floor(random() * count)]!++;
    const repeated = [...drawn].flatMap((times, n) =>
      Array.from({ length: times }, () => [...features.subarray(n * dimensions, (n + 1) * dimensions)]).flat()
    );
    const wanted = frechetDistance(statistics, frechetStatistics(repeated, dimensions));
    assertAllClose([distance(drawn)], [wanted], 1e-6, `resample ${resample}`);
  }
});

Deno.test("frechetInterval covers the distance that as many other pictures have in the mean", () => {
  const dimensions = 6, count = 80, trials = 60;
  const reference = frechetStatistics(randomFeatures(2000, dimensions, 1), dimensions);
  const intervals = Array.from(
    { length: trials },
    (_, trial) =>
      frechetInterval(reference, randomFeatures(count, dimensions, 100 + trial, 0.2), dimensions, {
        key: [trial, 0],
        resamples: 200,
      }),
  );
  const mean = intervals.reduce((sum, { estimate }) => sum + estimate / trials, 0);
  const covered = intervals.filter(({ low, high }) => low <= mean && mean <= high).length;
  assert.ok(covered >= 50, `${covered} of ${trials}`);
  // Not centred, it would lie too high.
  for (const { bias } of intervals) assert.ok(bias > 0);
  const plain = intervals.filter(({ low, high, bias }) => low + bias <= mean && mean <= high + bias).length;
  assert.ok(plain < covered, `${plain} of ${trials} without centring`);
});

Deno.test("frechetInterval refuses features of another judge", () => {
  const reference = frechetStatistics(randomFeatures(10, 3, 1), 3);
  assert.throws(() => frechetInterval(reference, randomFeatures(10, 2, 1), 2, { key: [1, 1] }), {
    name: "RangeError",
    message: "Cannot compare features of 3 and 2 dimensions: take both from the same judge",
  });
});
