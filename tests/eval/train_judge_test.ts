import assert from "node:assert/strict";
import { resizeDigits } from "../../src/data/digits.ts";
import { classify, scoreOf } from "../../src/eval/classify.ts";
import { trainJudge } from "../../src/eval/train_judge.ts";
import { Classifier } from "../../src/models/classifier.ts";
import type { Judge } from "../../src/models/judge.ts";
import { MlpClassifier } from "../../src/models/mlp_classifier.ts";
import { StridedClassifier } from "../../src/models/strided_classifier.ts";
import { Initializer } from "../../src/nn/init.ts";
import { testDevice } from "../support/device.ts";
import { syntheticDigits } from "./synthetic_digits.ts";

const parametersOf = async (judge: Judge) =>
  (await Promise.all([...judge.parameters().values()].map((tensor) => tensor.data()))).map((data) => [...data]);

Deno.test("trainJudge: learns pictures that are easy to tell apart, and that shuffled ones are no digits", async () => {
  const device = await testDevice();
  const judge = new MlpClassifier(new Initializer(device, 1));
  const losses: number[] = [];
  await trainJudge(device, judge, syntheticDigits(640, 1), {
    epochs: 10,
    seed: 2,
    onEpoch: (epoch, loss) => losses[epoch - 1] = loss,
  });
  assert.equal(losses.length, 10);
  assert.ok(losses[9]! < losses[0]!, `losses ${losses}`);
  const held = syntheticDigits(100, 3);
  const shuffled = held.images.map((_, i) => held.images[i - i % 64 + (i * 37 + 11) % 64]!);
  const [seen] = await classify(device, [judge], held.images);
  const { accuracy, confidence } = scoreOf(seen!, held.labels);
  assert.ok(accuracy >= 0.95 && confidence >= 0.8, `accuracy ${accuracy}, confidence ${confidence}`);
  const [unsure] = await classify(device, [judge], shuffled);
  const rows = Array.from({ length: 100 }, (_, n) => unsure!.probabilities.subarray(n * 10, n * 10 + 10));
  const mean = rows.reduce((sum, row) => sum + Math.max(...row) / 100, 0);
  assert.ok(mean < 0.4, `shuffled is a digit with probability ${mean}`);
});

Deno.test("trainJudge: the same seed gives the same bits, another seed others", async () => {
  const device = await testDevice();
  const digits = syntheticDigits(128, 1);
  const train = async (seed: number) => {
    const judge = new Classifier(new Initializer(device, 1));
    await trainJudge(device, judge, digits, { epochs: 1, seed });
    return await parametersOf(judge);
  };
  const one = await train(7);
  assert.deepEqual(await train(7), one);
  assert.notDeepEqual(await train(8), one);
});

Deno.test("trainJudge: learns 28x28 pictures with the strided judge, and stops where the signal asks", async () => {
  const device = await testDevice();
  const judge = new StridedClassifier(new Initializer(device, 1));
  const train = resizeDigits(syntheticDigits(320, 1), 28), held = resizeDigits(syntheticDigits(50, 3), 28);
  await trainJudge(device, judge, train, { epochs: 5, seed: 2, learningRate: 2e-3 });
  const [seen] = await classify(device, [judge], held.images);
  const { accuracy, confidence } = scoreOf(seen!, held.labels);
  assert.ok(accuracy >= 0.95 && confidence >= 0.6, `accuracy ${accuracy}, confidence ${confidence}`);

  const stop = new AbortController();
  const seenEpochs: number[] = [];
  const onEpoch = (epoch: number) => {
    seenEpochs.push(epoch);
    stop.abort(new Error("enough"));
  };
  const training = { epochs: 3, seed: 2, signal: stop.signal, onEpoch };
  await assert.rejects(trainJudge(device, judge, train, training), { message: "enough" });
  assert.deepEqual(seenEpochs, [1]);
});

Deno.test("trainJudge: gives the memory of its step back, also where the caller stops it", async () => {
  const device = await testDevice();
  const judge = new Classifier(new Initializer(device, 1));
  const digits = syntheticDigits(64, 1);
  const stop = () => {
    throw new Error("enough");
  };
  const before = device.gpu.pool.counters.liveBytes;
  await assert.rejects(trainJudge(device, judge, digits, { epochs: 1, seed: 1, onEpoch: stop }), { message: "enough" });
  const kept = device.gpu.pool.counters.liveBytes - before;
  // The optimiser's two moments of 53,002 parameters stay; the activations of a batch are several MiB.
  assert.ok(kept < 1e6, `${kept} bytes kept`);
});
