import assert from "node:assert/strict";
import type { VqConfig } from "../../src/models/vq_config.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { vqLosses, vqLossNames, VqTraining, type VqTrainingOptions } from "../../src/rl/vq_training.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const config: VqConfig = {
  ch: 4,
  ch_mult: [1, 1],
  num_res_blocks: 1,
  codebook_size: 12,
  codebook_embed_dim: 3,
  z_channels: 4,
  image_channels: 1,
  norm_groups: 2,
};
const options: VqTrainingOptions = {
  steps: 40,
  batchSize: 4,
  size: 4,
  learningRate: 0.01,
  warmupSteps: 2,
  weightDecay: 0,
  maxGradNorm: 1,
  emaDecay: 0.9,
  reviveAfter: 5,
  reviveUntil: 30,
  reconstruction: "mse",
  codebookWeight: 1,
  commitmentWeight: 0.25,
  seed: 2,
};
/** Four pictures with a bright quarter each. */
const images = Float32Array.from({ length: 64 }, (_, i) => {
  const image = i >> 4, y = (i >> 2) & 3, x = i & 3;
  return (y >> 1) * 2 + (x >> 1) === image ? 1 : -1;
});

Deno.test("VqTraining: learns four pictures, revives codes until told to stop, allocates nothing after the first step", async () => {
  const device = await testDevice();
  const model = new VqTokenizer(new Initializer(device, 1), config);
  const training = new VqTraining(model, options);
  const losses: number[] = [], oldest: number[] = [];
  for (let n = 0; n < options.steps; n++) {
    const result = training.step(n, images);
    losses.push((await result.data())[1]!);
    oldest.push(Math.max(...await training.age.data()));
  }
  assert.ok(losses.at(-1)! < losses[0]! / 3, `reconstruction fell from ${losses[0]} to ${losses.at(-1)}`);
  assert.equal(Math.max(...oldest.slice(0, options.reviveUntil)), options.reviveAfter - 1, "the dead are revived");
  assert.ok(oldest.at(-1)! >= options.steps - options.reviveUntil, "until the end of revivals");

  await device.idle();
  const { created } = device.gpu.pool.counters;
  for (let n = 0; n < 3; n++) training.step(n, images);
  await device.idle();
  assert.equal(device.gpu.pool.counters.created, created);
  training.dispose();
});

Deno.test("vqLosses: pixels by either error, the perceptual term on features in [0, 1], and the sum by weights", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const seen: Tensor[] = [];
  const extractor = {
    features: (x: Tensor) => {
      seen.push(x);
      return reshape(x, [2, 2]);
    },
  };
  const one = (value: number) => device.tensor([value], []);
  const wanted = device.tensor([-1, 0, 0.5, 1], [2, 1, 1, 2]);
  const unused = device.zeros([1]);
  const found = {
    images: device.tensor([0, 0, 1, -1], [2, 1, 1, 2]),
    codebookLoss: one(3),
    commitmentLoss: one(5),
    ...{ codes: unused, vectors: unused, quantized: unused },
  };
  const numbers = async (changes: Partial<VqTrainingOptions>) => {
    const losses = vqLosses(wanted, found, { ...options, ...changes });
    return (await device.read(vqLossNames.map((name) => losses[name]))).map(([value]) => value!);
  };
  const mse = (1 + 0 + 0.25 + 4) / 4, l1 = (1 + 0 + 0.5 + 2) / 4;
  assertAllClose(await numbers({}), [mse + 3 + 0.25 * 5, mse, 3, 5, 0], 1e-6);
  assertAllClose(await numbers({ reconstruction: "l1", codebookWeight: 2 }), [l1 + 6 + 1.25, l1, 3, 5, 0], 1e-6);
  const perceptual = await numbers({ perceptual: { extractor, weight: 10 } });
  assertAllClose(perceptual, [mse + 4.25 + 10 * mse / 4, mse, 3, 5, mse / 4], 1e-6);
  assert.deepEqual([...await seen[0]!.data()], [0, 0.5, 0.75, 1]);
});
