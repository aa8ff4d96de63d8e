import assert from "node:assert/strict";
import { frechetStatistics } from "../../src/eval/frechet.ts";
import { RunningStatistics } from "../../src/eval/running_statistics.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { randomFeatures } from "./random_features.ts";

Deno.test("RunningStatistics: those of all vectors, however they come, far from 0 as well", () => {
  const d = 67, features = randomFeatures(600, d, 1, 1000), running = new RunningStatistics(d);
  for (let start = 0; start < features.length; start += 130 * d) running.add(features.subarray(start, start + 130 * d));
  assert.equal(running.count, 600);
  const { mean, covariance } = running.statistics(), expected = frechetStatistics(features, d);
  assertAllClose(mean, expected.mean, 1e-14);
  assertAllClose(covariance, expected.covariance, 1e-12);
});

Deno.test("RunningStatistics: errors", () => {
  const running = new RunningStatistics(2);
  running.add([1, 2]);
  const refuses = (body: () => void, message: string) => assert.throws(body, { name: "RangeError", message });
  refuses(() => running.statistics(), "Cannot take statistics: wanted at least 2 vectors, got 1");
  refuses(() => running.add([1]), "Cannot add 1 numbers to statistics: wanted whole vectors of 2");
  refuses(() => running.add([NaN, 1]), "Cannot take statistics: features must be finite, vector 1 is not");
});
