import assert from "node:assert/strict";
import type { Arpg } from "../../src/models/arpg.ts";
import { noDropout } from "../../src/models/dropouts.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { mean } from "../../src/ops/reduce.ts";
import { ArpgBatches } from "../../src/rl/arpg_batches.ts";
import { ArpgLikelihood, type ArpgLikelihoodOptions } from "../../src/rl/arpg_likelihood.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { assertLeanSteps } from "./step_cost.ts";
import { tinyCodes } from "./tiny_codes.ts";
import { valuesOf } from "./tiny_generator.ts";

const options: ArpgLikelihoodOptions = {
  steps: 40,
  batchSize: 8,
  optimizer: "adamw",
  learningRate: 0.01,
  warmupSteps: 2,
  weightDecay: 0.01,
  maxGradNorm: 1,
  emaDecay: 0.5,
  classDropout: 0.1,
  cropsUntil: 1000,
  dropout: { token: 0.1, residual: 0.1, ffn: 0.1 },
  seed: 4,
};
const codes = tinyCodes(24, 2);
const small = { dim: 16, layers: 2, multiple_of: 8 } as const;
const train = (model: Arpg, changes: Partial<ArpgLikelihoodOptions> = {}) =>
  new ArpgLikelihood(model, codes, { ...options, ...changes });

Deno.test("ArpgLikelihood: the first loss is the mean cross entropy of the first batch", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyArpg(device, small);
  const batch = new ArpgBatches(codes, options.batchSize, options.classDropout, options.seed);
  batch.fill(0);
  const [tokens, order] = [batch.tokens, batch.order].map((ids) => device.tensor(ids, [8, 16]));
  const { logits, targets } = model.forward(tokens!, device.tensor(batch.classes), order!, { dropout: noDropout });
  const expected = await mean(crossEntropy(logits, targets)).item();
  const training = train(model, { dropout: { token: 0, residual: 0, ffn: 0 } });
  assertAllClose([await training.step(0).item()], [expected], 1e-6);
  training.dispose();
});

const optimizers = ["adamw", "muon"] as const;

for (const optimizer of optimizers) {
  Deno.test(`ArpgLikelihood, ${optimizer}: the loss falls, and the averages follow the weights`, async () => {
    const device = await testDevice();
    const model = tinyArpg(device, small);
    const training = train(model, { optimizer });
    const losses: number[] = [];
    for (let n = 0; n < options.steps; n++) losses.push(await training.step(n).item());
    assert.ok(losses.at(-1)! < losses[0]! - 1, `${losses}`);
    const weights = await valuesOf(model);
    training.ema.swap();
    const averages = await valuesOf(model);
    const distance = Math.hypot(...averages.map((average, i) => average - weights[i]!));
    assert.ok(distance > 0 && distance < 1, `averages ${distance} from the weights`);
    training.dispose();
  });
}

for (const optimizer of optimizers) {
  Deno.test(`ArpgLikelihood, ${optimizer}: a step is one submit, without waiting and without new memory`, async () => {
    const device = await testDevice();
    const training = train(tinyArpg(device, small), { optimizer });
    await assertLeanSteps(device, training);
    training.dispose();
  });
}

Deno.test("ArpgLikelihood: a seed names the weights, and dropout is part of it", async () => {
  const device = await testDevice();
  const run = async (changes: Partial<ArpgLikelihoodOptions>) => {
    const model = tinyArpg(device, small), training = train(model, changes);
    for (let n = 0; n < 3; n++) training.step(n);
    const weights = await valuesOf(model);
    training.dispose();
    return weights;
  };
  const one = await run({});
  assert.deepEqual(await run({}), one);
  assert.notDeepEqual(await run({ seed: 5 }), one);
  assert.notDeepEqual(await run({ dropout: { ...options.dropout, ffn: 0 } }), one);
});

for (const optimizer of optimizers) {
  Deno.test(`ArpgLikelihood, ${optimizer}: matrices decay; gains and embeddings do not`, async () => {
    const device = await testDevice();
    const step = async (weightDecay: number) => {
      const model = tinyArpg(device, small), training = train(model, { optimizer, weightDecay, warmupSteps: 0 });
      training.step(0);
      const parameters = model.parameters();
      const values = await device.read([...parameters.values()]);
      training.dispose();
      return new Map([...parameters.keys()].map((name, i) => [name, `${values[i]}`]));
    };
    const still = await step(0), decayed = await step(0.5);
    for (const [name, values] of still) {
      const spared = /norm|^embeddings|^positions/.test(name);
      assert.equal(decayed.get(name) === values, spared, name);
    }
  });
}
