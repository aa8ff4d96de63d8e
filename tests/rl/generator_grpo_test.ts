import assert from "node:assert/strict";
import { restoreTraining, trainingState } from "../../src/jobs/training_state.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import type { Arpg } from "../../src/models/arpg.ts";
import { mul } from "../../src/ops/elementwise_binary.ts";
import { sum } from "../../src/ops/reduce.ts";
import { reshape } from "../../src/ops/reshape.ts";
import type { GeneratorGrpoOptions } from "../../src/rl/generator_options.ts";
import type { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { cells, plans, requestOf, TinyTraining } from "./tiny_experience.ts";
import { valuesOf } from "./tiny_generator.ts";

const small = { dim: 16, layers: 2, multiple_of: 8 } as const;
const tiny = (device: Device, seed = 1) => tinyArpg(device, small, seed);
const unguided = { guidance: { scale: 1, form: "constant" }, temperature: 1 } as const;

for (const batch of [1, 12]) {
  for (const parts of batch === 1 ? [1] : [1, 3]) {
    Deno.test(`GeneratorGrpo: no ratio before the first gradient step, ${batch} paintings in ${parts} parts`, async () => {
      const device = await testDevice();
      const model = tinyArpg(device);
      using training = await TinyTraining.of(model, null, { batch, parts, temperature: 0.8 });
      training.paint(3, true);
      training.experience.advantage.write(new Float32Array(batch).fill(1));
      training.update(0);
      const { first_log_ratio_max, ratio_max, clip_fraction, kl, gradient_norm } = await training.metrics();
      assert.ok(first_log_ratio_max! < 1e-4, `|log ratio| up to ${first_log_ratio_max}`);
      assert.ok(Math.abs(ratio_max! - 1) < 1e-4);
      assert.deepEqual([clip_fraction, kl], [0, 0]);
      assert.ok(gradient_norm! > 0.01);
    });
  }
}

Deno.test("GeneratorGrpo: with one gradient step its gradient is REINFORCE's, in any number of parts", async () => {
  const device = await testDevice();
  for (const parts of [1, 4]) {
    using _scope = device.scope();
    const model = tiny(device);
    using training = await TinyTraining.of(model, tiny(device), { ...unguided, parts });
    training.paint(3);
    await training.reward(2);
    const expected = await reinforce(device, model, training, 3);
    training.update(0);
    const { gradient_norm } = await training.metrics();
    // After one step AdamW's first moment is 1 - beta1 = 0.1 of the gradient.
    const state = training.trainer.optimizer.state();
    const moments = await device.read(expected.map((_, i) => state.get(`exp_avg.${i}`)!));
    moments.forEach((moment, i) => assertAllClose(moment.map((m) => m * 10), expected[i]!, 1e-5, `gradient ${i}`));
    const norm = Math.hypot(...expected.flatMap((gradient) => [...gradient]));
    assert.ok(norm > 0.01 && Math.abs(gradient_norm! / norm - 1) < 1e-4, `norm ${norm}, reported ${gradient_norm}`);
  }
});

/** Gradient of `-1/(B N) sum A log p`, with orders and steps as the request has them. */
async function reinforce(device: Device, model: Arpg, { experience, batch }: TinyTraining, seed: number) {
  const { tokens, classes, advantage } = experience;
  const order = device.tensor(requestOf(batch, seed).order, [batch, cells]);
  const rows = Array.from(
    { length: batch },
    (_, b) => plans[b % plans.length]!.flatMap((group, t) => Array<number>(group).fill(t)),
  );
  const steps = device.tensor(Int32Array.from(rows.flat()), [batch, cells]);
  const logp = model.parallelLogProbs(tokens, classes, order, steps);
  const loss = mul(sum(mul(logp, reshape(advantage, [batch, 1]))), -1 / (batch * cells));
  return await device.read(gradients(loss, [...model.parameters().values()])) as Float32Array[];
}

Deno.test("GeneratorGrpo: no advantage changes no weight", async () => {
  const device = await testDevice();
  const model = tiny(device);
  const before = await valuesOf(model);
  using training = await TinyTraining.of(model, null, { innerEpochs: 2 });
  training.paint(1);
  training.update(0, 2);
  const { gradient_norm, loss, entropy } = await training.metrics();
  assert.deepEqual([gradient_norm, Math.abs(loss!)], [0, 0]);
  assert.ok(entropy! > 0 && entropy! < Math.log(12));
  assert.deepEqual(await valuesOf(model), before);
});

Deno.test("GeneratorGrpo: known cells take no part, under every normalisation", async () => {
  const device = await testDevice();
  for (const normalisation of ["constant_length", "sequence_mean", "token_mean"] as const) {
    const model = tiny(device);
    using training = await TinyTraining.of(model, null, { normalisation });
    training.paint(1, true);
    training.experience.advantage.write(new Float32Array(12).fill(1));
    training.update(0);
    // Where every ratio is 1 and every advantage 1, the loss is minus the sum of the weights; 4 samples know 3 cells.
    const { loss } = await training.metrics();
    const expected = normalisation === "constant_length" ? -(12 * cells - 4 * 3) / (12 * cells) : -1;
    assertAllClose([loss!], [expected], 1e-5, normalisation);
  }
});

async function learn(device: Device, changes: Partial<GeneratorGrpoOptions>) {
  using training = await TinyTraining.of(tiny(device), tiny(device), { innerEpochs: 2, batch: 20, ...changes });
  const shares: number[] = [];
  let metrics: Record<string, number> = {};
  for (let n = 0; n < 9; n++) {
    training.paint(n);
    shares.push(await training.reward(2));
    training.update(n, 2);
    metrics = await training.metrics();
  }
  return { first: shares[0]!, last: shares.at(-1)!, kl: metrics.kl!, ratio: metrics.ratio_max! };
}

Deno.test("GeneratorGrpo: learns to paint a token while the divergence rises, and less so on a leash", async () => {
  const device = await testDevice();
  const free = await learn(device, {});
  assert.ok(free.first < 0.2 && free.last > free.first + 0.3, `share from ${free.first} to ${free.last}`);
  assert.ok(free.kl > 0.1 && free.ratio > 1, `divergence ${free.kl}, ratio ${free.ratio}`);
  for (const kl of ["exact", "k2", "k3"] as const) {
    const held = await learn(device, { kl, beta: 5 });
    assert.equal(held.first, free.first);
    assert.ok(held.last < free.first + 0.15 && held.kl < free.kl / 3, `${kl}: share ${held.last}, kl ${held.kl}`);
  }
});

Deno.test("GeneratorGrpo: the divergence alone leads back to the reference", async () => {
  const device = await testDevice();
  for (const kl of ["exact", "k2", "k3"] as const) {
    using training = await TinyTraining.of(tiny(device), tiny(device, 2), { kl, beta: 1, learningRate: 0.01 });
    const divergence: number[] = [];
    for (let n = 0; n < 12; n++) {
      training.paint(n);
      training.update(n);
      divergence.push((await training.metrics()).kl!);
    }
    assert.ok(divergence[0]! > 1 && divergence.at(-1)! < 0.7 * divergence[0]!, `${kl}: ${divergence}`);
  }
});

Deno.test("GeneratorGrpo: an update is a submit for each of its parts, without waiting and without new memory", async () => {
  const device = await testDevice();
  using training = await TinyTraining.of(tiny(device), tiny(device), { innerEpochs: 3, beta: 0.1, parts: 2 });
  training.paint(0);
  await training.reward(1);
  training.update(0, 3);
  await training.metrics();
  const { recorder, pool } = device.gpu;
  const { submits } = recorder.counters, { created, liveBytes } = pool.counters;
  for (let n = 1; n < 4; n++) training.update(n, 3); // synchronous: nothing can be awaited
  assert.equal(recorder.counters.submits - submits, 3 * (1 + 3 + 1), "before, three gradient steps, refresh");
  assert.deepEqual([pool.counters.created, pool.counters.liveBytes], [created, liveBytes]);
});

Deno.test("GeneratorGrpo: a seed names weights and metrics, bit for bit, through a stop as well", async () => {
  const device = await testDevice();
  const changes = { beta: 0.1, innerEpochs: 2 };
  const run = async (training: TinyTraining, from: number, to: number, seed: number) => {
    for (let n = from; n < to; n++) {
      training.paint(seed + n);
      await training.reward(2);
      training.update(n, 2);
    }
    const metrics = await training.metrics();
    training.trainer.ema.swap();
    const averages = await valuesOf(training.model);
    training.trainer.ema.swap();
    return { metrics, averages, weights: await valuesOf(training.model) };
  };
  const whole = async (seed: number) => {
    using training = await TinyTraining.of(tiny(device), tiny(device), changes);
    return await run(training, 0, 4, seed);
  };
  const one = await whole(0);
  assert.deepEqual(await whole(0), one);
  assert.notDeepEqual((await whole(50)).weights, one.weights);

  using begun = await TinyTraining.of(tiny(device), tiny(device), changes);
  await run(begun, 0, 2, 0);
  const saved = await toHost(device, trainingState(begun.model, begun.trainer));
  using resumed = await TinyTraining.of(tiny(device, 3), tiny(device), changes);
  restoreTraining(resumed.model, resumed.trainer, saved);
  resumed.trainer.refresh();
  assert.deepEqual(await run(resumed, 2, 4, 0), one);
});

Deno.test("GeneratorGrpo refuses what it cannot train by", async () => {
  const device = await testDevice();
  const refused = (changes: Partial<GeneratorGrpoOptions>, name: string, message: string) =>
    assert.rejects(TinyTraining.of(tiny(device), null, changes), { name, message });
  await refused(
    { topK: 5 },
    "UserError",
    "Cannot train the generator with top-k or top-p: a token that they cut off has no log-probability; leave them out",
  );
  await refused(
    { temperature: 0 },
    "UserError",
    "Cannot train the generator at temperature 0: nothing is drawn; wanted more than 0",
  );
  await refused(
    { beta: 0.1 },
    "UserError",
    "Cannot weigh a divergence by 0.1 without a reference model: pass one, or set beta to 0",
  );
  await refused(
    { parts: 5 },
    "RangeError",
    "Cannot divide 12 paintings into 5 parts: wanted a number that divides the paintings",
  );
  using training = await TinyTraining.of(tiny(device));
  const spent = {
    name: "RangeError",
    message: "Cannot improve the generator: all gradient steps of the update are done (1); call remember first",
  };
  assert.throws(() => training.trainer.improve(), spent);
  training.paint(0);
  training.update(0);
  assert.throws(() => training.trainer.improve(), spent);
});
