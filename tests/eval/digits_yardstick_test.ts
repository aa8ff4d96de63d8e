import assert from "node:assert/strict";
import { resizeDigits } from "../../src/data/digits.ts";
import { DigitsYardstick } from "../../src/eval/digits_yardstick.ts";
import { RealDigits } from "../../src/eval/evaluate_digits.ts";
import { trainJudge } from "../../src/eval/train_judge.ts";
import { StridedClassifier } from "../../src/models/strided_classifier.ts";
import { Initializer } from "../../src/nn/init.ts";
import { testDevice } from "../support/device.ts";
import { syntheticDigits } from "./synthetic_digits.ts";

Deno.test("DigitsYardstick: real pictures score as the held-out ones, worse ones are told apart", async () => {
  const device = await testDevice();
  const size = 12, area = size * size;
  const digits = (count: number, seed: number) => resizeDigits(syntheticDigits(count, seed), size);
  const judge = new StridedClassifier(new Initializer(device, 1), 10, size);
  const train = digits(320, 1), test = digits(100, 2);
  await trainJudge(device, judge, train, { epochs: 6, seed: 3, learningRate: 2e-3 });
  const live = device.gpu.pool.counters.liveBytes;
  const yardstick = await DigitsYardstick.measure(device, judge, { train, test }, 100);
  const floor = yardstick.heldOut;
  assert.ok(floor.accuracy > 0.95 && floor.confidence > 0.5, JSON.stringify(floor));
  assert.equal(floor.frechet, (await RealDigits.measure(device, judge, { train, test }, 100)).frechetFloor);

  const fresh = digits(100, 4);
  const good = await yardstick.score(fresh);
  assert.ok(good.accuracy > 0.95 && Math.abs(good.diversity - 1) < 0.1, JSON.stringify(good));
  assert.ok(good.frechet < 2 * floor.frechet, `${good.frechet}, floor ${floor.frechet}`);
  const wrong = await yardstick.score({ ...fresh, labels: fresh.labels.map((n) => (n + 1) % 10) });
  assert.ok(wrong.accuracy < 0.05);
  const copies = fresh.images.map((_, i) => fresh.images[i % (10 * area)]!);
  assert.equal((await yardstick.score({ ...fresh, images: copies })).diversity, 0);
  const noise = await yardstick.score({ ...fresh, images: copies.map((_, i) => i * 40503 >>> 7) });
  assert.ok(noise.frechet > 3 * floor.frechet, `${noise.frechet}, floor ${floor.frechet}`);
  assert.equal(device.gpu.pool.counters.liveBytes, live);
});
