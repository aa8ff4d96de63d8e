import assert from "node:assert/strict";
import { sequenceBatch } from "../../src/data/pixel_sequences.ts";
import type { LstmGenerator } from "../../src/models/lstm_generator.ts";
import { likelihoodLoss, MaximumLikelihood } from "../../src/rl/maximum_likelihood.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { assertLeanSteps } from "./step_cost.ts";
import { tinyDigits, tinyGenerator, valuesOf } from "./tiny_generator.ts";

const digits = tinyDigits(30);
const train = (model: LstmGenerator, seed = 1) =>
  new MaximumLikelihood(model, digits, {
    epochs: 4,
    batchSize: 8,
    learningRate: 0.03,
    warmupSteps: 2,
    weightDecay: 0.01,
    maxGradNorm: 1,
    emaDecay: 0.5,
    seed,
  });

Deno.test("likelihoodLoss: mean negative log-likelihood of the next pixel", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyGenerator(device);
  const { inputs, places, targets } = sequenceBatch(digits, [4, 8], model.config);
  const [x, at, y] = [inputs, places, targets].map((ids) => device.tensor(ids, [2, 16]));
  const logits = await model.forward(x!, at!).logits.data();
  const expected = [...targets].reduce((total, target, i) => {
    const row = [...logits.subarray(i * 8, i * 8 + 8)];
    return total + Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - row[target]!;
  }, 0) / 32;
  assertAllClose([await likelihoodLoss(model, x!, at!, y!).item()], [expected], 1e-5);
});

Deno.test("MaximumLikelihood: the loss falls, and the averages follow the weights", async () => {
  const device = await testDevice();
  const model = tinyGenerator(device);
  const training = train(model);
  assert.deepEqual([training.stepsPerEpoch, training.steps], [3, 12], "30 digits hold 3 batches of 8");
  const losses: number[] = [];
  for (let n = 0; n < training.steps; n++) losses.push(await training.step(n).item());
  assert.ok(losses.at(-1)! < losses[0]! - 0.5, `${losses}`);
  const weights = await valuesOf(model);
  training.ema.swap();
  const averages = await valuesOf(model);
  const distance = Math.hypot(...averages.map((average, i) => average - weights[i]!));
  assert.ok(distance > 0 && distance < 1, `averages ${distance} from the weights`);
  training.dispose();
});

Deno.test("MaximumLikelihood: a step is one submit without waiting and without new buffers", async () => {
  const device = await testDevice();
  const training = train(tinyGenerator(device));
  await assertLeanSteps(device, training);
  training.dispose();
});

Deno.test("MaximumLikelihood: the same seed gives the same weights, another order others", async () => {
  const device = await testDevice();
  const run = async (seed: number) => {
    const model = tinyGenerator(device), training = train(model, seed);
    for (let n = 0; n < 4; n++) training.step(n);
    const weights = await valuesOf(model);
    training.dispose();
    return weights;
  };
  const one = await run(1);
  assert.deepEqual(await run(1), one);
  assert.notDeepEqual(await run(2), one);
});
