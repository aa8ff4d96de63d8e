import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import type { LstmGenerator } from "../../src/models/lstm_generator.ts";
import { groupAdvantage } from "../../src/ops/group_advantage.ts";
import { mul } from "../../src/ops/elementwise_binary.ts";
import { mean, sum } from "../../src/ops/reduce.ts";
import { reshape } from "../../src/ops/reshape.ts";
import type { Reward, WeightedReward } from "../../src/rewards/reward.ts";
import { ArGrpo, type ArGrpoOptions } from "../../src/rl/ar_grpo.ts";
import { RolloutRows, tokenLogProbs } from "../../src/rl/pixel_rollout.ts";
import type { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyDigits, tinyGenerator, valuesOf } from "./tiny_generator.ts";

const options: ArGrpoOptions = {
  groups: [0, 1],
  groupSize: 4,
  innerEpochs: 1,
  learningRate: 0.01,
  warmupUpdates: 0,
  maxGradNorm: 1e6,
  updates: 1e9,
  emaDecay: 0.9,
  advantage: "mean_std",
  normalisation: "token_mean",
  clipLow: 0.2,
  clipHigh: 0.28,
  delta: 3,
  kl: "exact",
  beta: 0,
  likelihoodWeight: 0,
  likelihoodBatch: 6,
  temperature: 1,
  seed: 11,
};

const brightness: Reward = {
  name: "brightness",
  score: ({ images }) => mean(images, [1, 2, 3]),
};
const indifferent: Reward = { name: "indifferent", score: ({ classes }) => classes.device.full([classes.size], 0.3) };

const train = (
  model: LstmGenerator,
  reference: LstmGenerator | null,
  reward: Reward,
  changes: Partial<ArGrpoOptions> = {},
) => new ArGrpo(model, reference, weighted(reward), tinyDigits(30), { ...options, ...changes });

function weighted(reward: Reward): WeightedReward[] {
  return [{ reward, weight: 1 }];
}

for (const groups of [1, 10]) {
  for (const temperature of [1, 0.7]) {
    Deno.test(`ArGrpo: no ratio before the first update, ${4 * groups} rollouts, temperature ${temperature}`, async () => {
      const device = await testDevice();
      const classes = Array.from({ length: groups }, (_, i) => i % 3);
      const model = tinyGenerator(device, { layers: 2, pixels: 64 }, 1);
      const digits = { ...tinyDigits(1), size: 8 };
      const trainer = new ArGrpo(model, null, weighted(brightness), digits, {
        ...options,
        groups: classes,
        temperature,
      });
      const { first_log_ratio_max, ratio_max, clip_fraction } = await trainer.update(0);
      trainer.dispose();
      assert.ok(first_log_ratio_max! < 1e-4, `|log ratio| up to ${first_log_ratio_max}`);
      assert.ok(Math.abs(ratio_max! - 1) < 1e-4 && clip_fraction === 0);
    });
  }
}

Deno.test("ArGrpo: with one inner epoch its gradient is REINFORCE's", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyGenerator(device);
  const expected = await reinforce(device, model);
  const trainer = train(model, tinyGenerator(device), brightness);
  const { gradient_norm } = await trainer.update(0);
  // After one step AdamW's first moment is 1 - beta1 = 0.1 of the gradient.
  const state = trainer.optimizer.state();
  const moments = await device.read(expected.map((_, i) => state.get(`exp_avg.${i}`)!));
  moments.forEach((moment, i) => assertAllClose(moment.map((m) => m * 10), expected[i]!, 1e-5, `gradient ${i}`));
  const norm = Math.hypot(...expected.flatMap((gradient) => [...gradient]));
  assert.ok(norm > 0.01 && Math.abs(gradient_norm! / norm - 1) < 1e-4, `norm ${norm}, reported ${gradient_norm}`);
  trainer.dispose();
});

/** Gradient of `-1/(N T) sum A log p` over the rollouts that the trainer draws at update 0. */
async function reinforce(device: Device, model: LstmGenerator) {
  const parameters = [...model.parameters().values()];
  const { groups, groupSize, seed, advantage: form } = options;
  const rows = new RolloutRows(device, model, groups.flatMap((label) => Array(groupSize).fill(label)));
  const { tokens } = rows.rollout({ temperature: 1, seed, update: new Scalar(0), stream: 1 });
  const scores = brightness.score({ images: rows.images(tokens), classes: rows.classes });
  const { advantage } = groupAdvantage(scores, { groupSize, form });
  const logp = tokenLogProbs(rows.logits(model, tokens, 1), tokens);
  const loss = mul(sum(mul(logp, reshape(advantage, [8, 1]))), -1 / (8 * 16));
  return await device.read(gradients(loss, parameters)) as Float32Array[];
}

Deno.test("ArGrpo: equal rewards change no weight", async () => {
  const device = await testDevice();
  const model = tinyGenerator(device);
  const before = await valuesOf(model);
  const trainer = train(model, null, indifferent, { innerEpochs: 2 });
  const { zero_variance_groups, gradient_norm, reward, reward_indifferent } = await trainer.update(0);
  assert.deepEqual([zero_variance_groups, gradient_norm], [1, 0]);
  assertAllClose([reward!, reward_indifferent!], [0.3, 0.3], 1e-6);
  assert.deepEqual(await valuesOf(model), before);
  trainer.dispose();
});

Deno.test("ArGrpo: learns to paint bright pictures, and less so on a leash", async () => {
  const device = await testDevice();
  const learn = async (kl: ArGrpoOptions["kl"], beta: number) => {
    const changes = { kl, beta, groupSize: 16, innerEpochs: 2, learningRate: 0.03 };
    const trainer = train(tinyGenerator(device), tinyGenerator(device), brightness, changes);
    const rewards: number[] = [];
    for (let n = 0; n < 15; n++) {
      const metrics = await trainer.update(n);
      rewards.push(metrics.reward!);
      if (n === 14) assert.ok(metrics.kl! > 0 && metrics.ratio_max! > 1);
    }
    trainer.dispose();
    return { first: rewards[0]!, last: rewards.at(-1)! };
  };
  const free = await learn("exact", 0);
  assert.ok(free.first < 0.65 && free.last > 0.85, `mean brightness from ${free.first} to ${free.last}`);
  for (const kl of ["exact", "k2", "k3"] as const) {
    const held = await learn(kl, 5);
    assert.equal(held.first, free.first);
    assert.ok(held.last < free.first + 0.1, `${kl}: mean brightness from ${held.first} to ${held.last}`);
  }
});

Deno.test("ArGrpo: the likelihood of real digits alone moves the weights", async () => {
  const device = await testDevice();
  const model = tinyGenerator(device);
  const trainer = train(model, null, indifferent, { likelihoodWeight: 1, innerEpochs: 2 });
  const likelihoods: number[] = [];
  for (let n = 0; n < 10; n++) likelihoods.push((await trainer.update(n)).likelihood!);
  assert.ok(likelihoods.at(-1)! < likelihoods[0]! - 0.3, `${likelihoods}`);
  trainer.dispose();
});

Deno.test("ArGrpo: an update is one submit and one readback each for the rollouts and for every inner epoch", async () => {
  const device = await testDevice();
  const trainer = train(tinyGenerator(device), tinyGenerator(device), brightness, {
    innerEpochs: 3,
    likelihoodWeight: 1,
  });
  await trainer.update(0);
  const { recorder, pool } = device.gpu;
  const submits = recorder.counters.submits, { created, liveBytes } = pool.counters;
  for (let n = 1; n < 4; n++) await trainer.update(n);
  assert.equal(
    recorder.counters.submits - submits,
    3 * (2 + 3 + 1),
    "experience and its readback, three inner epochs, readback",
  );
  assert.equal(pool.counters.created, created, "new buffers");
  assert.equal(pool.counters.liveBytes, liveBytes);
  trainer.dispose();
});

Deno.test("ArGrpo: the same seed gives the same weights and metrics, another one others", async () => {
  const device = await testDevice();
  const run = async (seed: number) => {
    const model = tinyGenerator(device);
    const trainer = train(model, tinyGenerator(device), brightness, { seed, beta: 0.1, likelihoodWeight: 1 });
    const metrics = [];
    for (let n = 0; n < 3; n++) {
      metrics.push(Object.entries(await trainer.update(n)).filter(([name]) => !name.startsWith("seconds_")));
    }
    trainer.dispose();
    return { metrics, weights: await valuesOf(model) };
  };
  const one = await run(1);
  assert.deepEqual(await run(1), one);
  assert.notDeepEqual((await run(2)).weights, one.weights);
});

Deno.test("ArGrpo: refuses more digits in a batch than there are, where it needs them", async () => {
  const device = await testDevice();
  const model = tinyGenerator(device);
  assert.throws(() => train(model, null, brightness, { likelihoodWeight: 1, likelihoodBatch: 31 }), {
    name: "UserError",
    message: "Cannot make batches of 31 from 30 digits: lower the batch size, or raise data.train",
  });
  train(model, null, brightness, { likelihoodBatch: 31 }).dispose();
});
