import assert from "node:assert/strict";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { mean } from "../../src/ops/reduce.ts";
import type { DecodingPolicy } from "../../src/policy/decoding_policy.ts";
import type { DecodingPolicyConfig } from "../../src/policy/decoding_policy_config.ts";
import { StepBudget } from "../../src/policy/step_budget.ts";
import { Efficiency } from "../../src/rewards/efficiency.ts";
import type { Reward } from "../../src/rewards/reward.ts";
import { DecodingGrpo, type DecodingGrpoOptions } from "../../src/rl/decoding_grpo.ts";
import { Grader, type GraderOptions } from "../../src/rl/grader.ts";
import type { Device } from "../../src/tensor/device.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { tinyPolicy } from "../policy/tiny_policy.ts";
import { testDevice } from "../support/device.ts";
import { openPolicy } from "./tiny_paintings.ts";

const options: DecodingGrpoOptions = {
  trainPolicy: true,
  groups: 6,
  groupSize: 4,
  guidance: { scale: 1.5, form: "constant" },
  temperature: 1,
  commonNoise: true,
  seed: 3,
  innerEpochs: 2,
  minibatches: 1,
  learningRate: 0.01,
  updates: 1e9,
  warmupUpdates: 0,
  maxGradNorm: 1,
  emaDecay: 0.9,
  advantage: "mean_std",
  normalisation: "constant_length",
  ratio: "decision",
  clipLow: 0.2,
  clipHigh: 0.28,
  delta: 3,
  klCoef: 0.01,
  entropyCoef: 0.01,
};

const brightness: Reward = { name: "brightness", score: ({ images }) => mean(images, [1, 2, 3]) };
const indifferent: Reward = { name: "indifferent", score: ({ classes }) => classes.device.full([classes.size], 0.3) };

async function setting(
  device: Device,
  reward: Reward,
  changes: Partial<DecodingGrpoOptions> = {},
  efficiency?: GraderOptions["efficiency"],
  sizes: Partial<DecodingPolicyConfig> = {},
): Promise<{ trainer: DecodingGrpo; policy: DecodingPolicy }> {
  const painter = {
    model: await FrozenArpg.of(tinyArpg(device)),
    tokenizer: new VqTokenizer(new Initializer(device, 1), tinyVqConfig),
  };
  const policy = tinyPolicy(device, { ...openPolicy, ...sizes }), all = { ...options, ...changes };
  const grader = new Grader(device, {
    rewards: [{ reward, weight: 1 }],
    combination: "sum",
    classNames: ["0", "1", "2"],
    ...(efficiency ? { efficiency } : {}),
  }, { policy: all.groups * all.groupSize, hand: all.groups });
  return { trainer: new DecodingGrpo(painter, policy, new StepBudget(policy.config), grader, all), policy };
}

const valuesOf = async (policy: DecodingPolicy) =>
  (await Promise.all([...policy.parameters().values()].map((tensor) => tensor.data()))).flatMap((v) => [...v]);

Deno.test("DecodingGrpo: ratios are 1 before the first update, also in minibatches; every painting is complete", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const minibatches of [1, 3]) {
    const { trainer } = await setting(device, brightness, { minibatches });
    const metrics = await trainer.update(0);
    trainer.dispose();
    assert.ok(metrics.first_log_ratio_max! < 1e-4, `|log ratio| up to ${metrics.first_log_ratio_max}`);
    assert.equal(metrics.completion_rate, 1);
    assert.ok(metrics.steps_max! <= 6 && metrics.steps_min! >= 1);
    assert.ok(Math.abs(metrics.reward! - metrics.hand_reward! - metrics.reward_above_hand!) < 1e-6);
    for (const phase of ["rollout", "reward", "update"]) assert.ok(metrics[`seconds_${phase}`]! > 0, phase);
  }
});

Deno.test("DecodingGrpo: equal rewards change nothing but by divergence and entropy", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { trainer, policy } = await setting(device, indifferent, { klCoef: 0, entropyCoef: 0 });
  const before = await valuesOf(policy);
  const { zero_variance_groups, gradient_norm } = await trainer.update(0);
  assert.equal(zero_variance_groups, 1);
  assert.equal(gradient_norm, 0);
  assert.deepEqual(await valuesOf(policy), before);
  trainer.dispose();
});

Deno.test("DecodingGrpo: the same seed gives the same update, another another", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const learnt = async (seed: number) => {
    const { trainer, policy } = await setting(device, brightness, { seed });
    await trainer.update(0);
    const { reward } = await trainer.update(1);
    trainer.dispose();
    return { reward, values: await valuesOf(policy) };
  };
  const first = await learnt(3);
  assert.deepEqual(await learnt(3), first);
  assert.notDeepEqual(await learnt(4), first);
});

Deno.test("DecodingGrpo: with common noise the members of a group differ by the policy alone", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // All cells at once: the order does not matter, and nothing but the noise is left.
  const atOnce = { degrees: [16], targets: [1], max_steps: 1, slack: 0 };
  for (const commonNoise of [true, false]) {
    const { trainer } = await setting(device, brightness, { commonNoise }, undefined, atOnce);
    const { zero_variance_groups: equal } = await trainer.update(0);
    trainer.dispose();
    assert.equal(equal, commonNoise ? 1 : 0);
  }
});

Deno.test("DecodingGrpo: an update takes seven submits with its one readback, and no new memory", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { trainer } = await setting(device, brightness);
  await trainer.update(1);
  const { recorder, pool } = device.gpu;
  const { submits } = recorder.counters, { created, liveBytes } = pool.counters;
  await trainer.update(2);
  // Policy, hand schedule, pictures, rewards, two inner epochs, readback.
  assert.equal(recorder.counters.submits - submits, 7);
  assert.deepEqual([pool.counters.created, pool.counters.liveBytes], [created, liveBytes]);
  trainer.dispose();
});

Deno.test("DecodingGrpo: additive efficiency collapses to as few steps as there may be, the constraint does not", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // Quality grows a little with the steps, less than their cost.
  const worth = device.persistent(() => device.tensor(Float32Array.from({ length: 6 }, (_, t) => t / 30), [6, 1]));
  const patience: Reward = {
    name: "patience",
    score: ({ painted }) => mean(embedding(worth, painted!), [1, 2]),
  };
  const steps = async (efficiency?: Efficiency) => {
    const { trainer } = await setting(
      device,
      patience,
      { groups: 6, groupSize: 6, learningRate: 0.08, klCoef: 0, entropyCoef: 0 },
      efficiency,
    );
    let metrics: Record<string, number> = {};
    for (let n = 0; n < 16; n++) metrics = await trainer.update(n);
    trainer.dispose();
    return metrics.steps_mean!;
  };
  const additive = await steps(new Efficiency(device, { form: "additive", weight: 0.3, maxCost: 7 }));
  const constraint = await steps(new Efficiency(device, { form: "constraint", slack: 0, rate: 5, start: 20 }));
  // The largest degree paints less than the canvas: two steps are the least.
  assert.ok(additive < 2.1, `additive: ${additive} steps`);
  assert.ok(constraint > 2.5, `constraint: ${constraint} steps`);
});

Deno.test("DecodingGrpo refuses minibatches that do not divide the groups", async () => {
  const device = await testDevice();
  await assert.rejects(setting(device, brightness, { minibatches: 4 }), {
    name: "RangeError",
    message: "Cannot divide 6 groups into 4 minibatches: wanted a number that divides the groups",
  });
});
