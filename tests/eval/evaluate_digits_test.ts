import assert from "node:assert/strict";
import { classify, scoreOf } from "../../src/eval/classify.ts";
import { evaluateDigits, RealDigits } from "../../src/eval/evaluate_digits.ts";
import { frechetDistance, frechetStatistics } from "../../src/eval/frechet.ts";
import { trainJudge } from "../../src/eval/train_judge.ts";
import { Classifier } from "../../src/models/classifier.ts";
import { MlpClassifier } from "../../src/models/mlp_classifier.ts";
import { Initializer } from "../../src/nn/init.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { syntheticDigits } from "./synthetic_digits.ts";

Deno.test("classify: batches of 250 give what one batch gives, with one readback each and nothing left", async () => {
  const device = await testDevice();
  const judges = [new Classifier(new Initializer(device, 1)), new MlpClassifier(new Initializer(device, 2))];
  const { images } = syntheticDigits(260, 1);
  const live = device.gpu.pool.counters.liveBytes;
  const [a, b] = await classify(device, judges, images);
  assert.equal(device.gpu.pool.counters.liveBytes, live);
  assert.deepEqual([a!.probabilities.length, a!.features.length, b!.features.length], [2600, 260 * 128, 260 * 64]);
  const [tail] = await classify(device, judges, images.subarray(250 * 64));
  assertAllClose(a!.probabilities.subarray(2500), tail!.probabilities, 1e-6);
  assertAllClose(a!.features.subarray(250 * 128), tail!.features, 1e-6);
});

Deno.test("classify: judges of different sizes and broken images are refused", async () => {
  const device = await testDevice();
  const small = new Classifier(new Initializer(device, 1)), large = new Classifier(new Initializer(device, 1), 10, 12);
  await assert.rejects(classify(device, [small, large], new Uint8Array(64)), {
    name: "RangeError",
    message:
      "Cannot show 64 bytes to judges of 8 and 12 pixels: wanted whole grey images of the size that all of them see",
  });
  await assert.rejects(classify(device, [small], new Uint8Array(65)), {
    name: "RangeError",
    message: "Cannot show 65 bytes to judges of 8 pixels: wanted whole grey images of the size that all of them see",
  });
});

Deno.test("scoreOf: accuracy and mean probability of the wanted class", () => {
  const row = (label: number, p: number) => Array.from({ length: 10 }, (_, c) => c === label ? p : (1 - p) / 9);
  const probabilities = Float32Array.from([...row(3, 0.9), ...row(5, 0.7), ...row(0, 0.46)]);
  const { accuracy, confidence } = scoreOf({ probabilities, features: new Float32Array() }, Uint8Array.of(3, 5, 1));
  assertAllClose([accuracy, confidence], [2 / 3, (0.9 + 0.7 + 0.06) / 3], 1e-6);
});

Deno.test("evaluateDigits: real pictures reach the floor; wrong classes, one picture a class and noise are told apart", async () => {
  const device = await testDevice();
  const judges = { a: new Classifier(new Initializer(device, 1)), b: new MlpClassifier(new Initializer(device, 2)) };
  const train = syntheticDigits(640, 1), test = syntheticDigits(200, 2);
  for (const judge of [judges.a, judges.b]) await trainJudge(device, judge, train, { epochs: 4, seed: 3 });
  const real = await RealDigits.measure(device, judges.b, { train, test });

  const fresh = syntheticDigits(200, 3);
  const good = await evaluateDigits(device, judges, fresh, real);
  assert.ok(good.a.accuracy > 0.95 && good.b.accuracy > 0.95 && good.a.confidence > 0.5 && good.b.confidence > 0.5);
  assert.ok(good.frechet < 2 * real.frechetFloor, `${good.frechet}, floor ${real.frechetFloor}`);
  assert.ok(Math.abs(good.diversity - 1) < 0.1, `diversity ${good.diversity}`);
  const [seen] = await classify(device, [judges.b], fresh.images);
  assert.equal(good.frechet, frechetDistance(real.statistics, frechetStatistics(seen!.features, 64)));

  const wrong = await evaluateDigits(device, judges, { ...fresh, labels: fresh.labels.map((n) => (n + 1) % 10) }, real);
  assert.ok(wrong.a.accuracy < 0.05 && wrong.b.confidence < 0.2);
  const copies = fresh.images.map((_, i) => fresh.images[i % 640]!);
  const collapsed = await evaluateDigits(device, judges, { ...fresh, images: copies }, real);
  assert.equal(collapsed.diversity, 0);
  const noise = await evaluateDigits(device, judges, { ...fresh, images: copies.map((_, i) => i * 40503 >>> 7) }, real);
  assert.ok(noise.frechet > 5 * real.frechetFloor, `${noise.frechet}, floor ${real.frechetFloor}`);
});

Deno.test("RealDigits: classes weigh the same, and each needs held-out digits", async () => {
  const device = await testDevice();
  const judge = new MlpClassifier(new Initializer(device, 2));
  const digits = syntheticDigits(40, 1);
  const uneven = {
    ...digits,
    images: digits.images.subarray(0, 35 * 64),
    labels: digits.labels.subarray(0, 35),
    count: 35,
  };
  const { examples } = await RealDigits.measure(device, judge, { train: uneven, test: digits });
  assert.deepEqual([...examples.labels], [...Array(30).keys()].map((i) => Math.floor(i / 3)));
  assert.deepEqual(examples.images.subarray(64, 128), digits.images.subarray(10 * 64, 11 * 64));
  const few = { ...digits, images: digits.images.subarray(0, 8 * 64), labels: digits.labels.subarray(0, 8), count: 8 };
  await assert.rejects(RealDigits.measure(device, judge, { train: digits, test: few }), {
    name: "UserError",
    message: "Cannot compare with real digits: no test digits of class 8, 9; raise data.test",
  });
});
