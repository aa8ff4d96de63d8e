import assert from "node:assert/strict";
import { toHost } from "../../src/jobs/run_state.ts";
import { restoreTraining, trainingState } from "../../src/jobs/training_state.ts";
import { LlamaGen } from "../../src/models/llamagen.ts";
import { LlamaGenPainter } from "../../src/models/llamagen_painter.ts";
import { drawnLogits, orderPaintings } from "../../src/models/painting_likelihood.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { BlankInitializer, Initializer } from "../../src/nn/init.ts";
import { loadParameters } from "../../src/nn/module.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { neg } from "../../src/ops/elementwise_unary.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import { Ema } from "../../src/optim/ema.ts";
import type { LlamaGenGrpoOptions } from "../../src/rl/llamagen_grpo.ts";
import type { Device } from "../../src/tensor/device.ts";
import { logProbs64 } from "../models/llamagen_reference.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { valuesOf } from "./tiny_generator.ts";
import { options, sampling, shareOf, sizes, smallLlamaGen, TinyLlamaGenTraining } from "./tiny_llamagen_training.ts";

const { cells } = sizes;
/** Classes of the update's pictures: three groups of four go through the classes. */
const labelsOf = (batch: number) => Int32Array.from({ length: batch }, (_, b) => Math.floor(b / options.groupSize) % 3);

for (const [batch, parts] of [[4, 1], [12, 1], [12, 3]] as const) {
  Deno.test(`LlamaGenGrpo: no ratio before the first gradient step, ${batch} pictures in ${parts} parts`, async () => {
    const device = await testDevice();
    const model = smallLlamaGen(device);
    using training = new TinyLlamaGenTraining(model, smallLlamaGen(device), { batch, parts, learningRate: 1e-9 });
    const metrics = await training.trainer.update(0);
    assert.ok(metrics.generator_first_log_ratio_max! < 1e-4, `${metrics.generator_first_log_ratio_max}`);
    assert.ok(Math.abs(metrics.generator_ratio_max! - 1) < 1e-4 && Math.abs(metrics.generator_kl!) < 1e-6);
    assert.ok(metrics.generator_gradient_norm! > 0.01 && metrics.generator_clip_fraction === 0);
    // The old probabilities are those that the decoder, cell by cell with its caches, drew the tokens with.
    using _scope = device.scope();
    const { tokens, logProbs } = training.painter.images;
    const painted = device.tensor(Int32Array.from({ length: batch * cells }, (_, i) => i % cells), [batch, cells]);
    const paintings = orderPaintings({ tokens, painted, classes: device.tensor(labelsOf(batch)) });
    const { logits, targets } = drawnLogits(model, paintings, {
      temperature: sampling.temperature,
      guidance: { scale: sampling.guidance, form: "constant" },
    });
    const [forced, drawn] = await device.read([neg(crossEntropy(logits, targets)), logProbs]);
    assertAllClose(forced!, drawn!, 1e-5, "log-probabilities");
    assert.ok(Math.max(...drawn!) - Math.min(...drawn!) > 1, "far from uniform");
  });
}

Deno.test("LlamaGenGrpo: its gradient is that of a float64 model, by central differences along every parameter", async () => {
  const device = await testDevice();
  const weights = new Map(
    [...await toHost(device, smallLlamaGen(device).parameters())].map((
      [name, { data }],
    ) => [name, Float64Array.from(data)]),
  );
  const names = [...weights.keys()];
  const trained = async (parts: number) => {
    using training = new TinyLlamaGenTraining(smallLlamaGen(device), null, { batch: 4, groupSize: 2, parts });
    await training.trainer.update(0);
    const state = training.trainer.generator.optimizer.state();
    const moments = await device.read(names.map((_, i) => state.get(`exp_avg.${i}`)!));
    return { ids: await training.painter.images.tokens.data() as Int32Array, moments };
  };
  const { ids, moments } = await trained(1), divided = await trained(2);
  assert.deepEqual(divided.ids, ids);
  const pictures = [0, 1, 2, 3].map((b) => ids.slice(b * cells, (b + 1) * cells));
  const shares = pictures.map((picture) => picture.filter((id) => id === 2).length / cells);
  const advantages = shares.map((share, b) => {
    const pair = [shares[b - b % 2]!, shares[b - b % 2 + 1]!], middle = (pair[0]! + pair[1]!) / 2;
    return (share - middle) / (Math.abs(pair[0]! - middle) * Math.SQRT2 + 1e-4); // of two, by Bessel's deviation
  });
  assert.ok(advantages.some((advantage) => advantage > 0.1), `${shares}`);
  const loss = () =>
    pictures.reduce((sum, picture, b) => {
      if (advantages[b] === 0) return sum;
      const logProbs = logProbs64(weights, sizes, picture, Math.floor(b / 2), sampling);
      return sum - advantages[b]! * logProbs.reduce((x, y) => x + y) / (4 * cells);
    }, 0);
  const random = seededRandom(11), step = 1e-5;
  const directions = names.map((name) => weights.get(name)!.map(() => 2 * random() - 1));
  const expected = names.map((name, i) => {
    const values = weights.get(name)!, before = values.slice();
    const at = (distance: number) => {
      values.forEach((_, k) => values[k] = before[k]! + distance * directions[i]![k]!);
      return loss();
    };
    const slope = (at(step) - at(-step)) / (2 * step);
    values.set(before);
    return slope;
  });
  const largest = Math.max(...expected.map(Math.abs)), shares64 = expected.map((value) => value / largest);
  assert.ok(shares64.filter((value) => Math.abs(value) > 1e-2).length > 9, `${shares64}`);
  for (const found of [moments, divided.moments]) {
    // After one step AdamW's first moment is 1 - beta1 = 0.1 of the gradient.
    const along = directions.map((direction, i) => direction.reduce((sum, d, k) => sum + d * found[i]![k]! * 10, 0));
    assertAllClose(along.map((value) => value / largest), shares64, 1e-5, "derivatives along each parameter");
  }
});

async function learn(device: Device, changes: Partial<LlamaGenGrpoOptions>) {
  using training = new TinyLlamaGenTraining(smallLlamaGen(device), smallLlamaGen(device), {
    innerEpochs: 2,
    batch: 16,
    groupSize: 8,
    learningRate: 0.02,
    ...changes,
  });
  const found: Record<string, number>[] = [];
  for (let n = 0; n < 9; n++) found.push(await training.trainer.update(n));
  return { first: found[0]!.reward!, last: found.at(-1)!.reward!, kl: found.at(-1)!.generator_kl! };
}

Deno.test("LlamaGenGrpo: the share of a token rises with the divergence, and less so on a leash", async () => {
  const device = await testDevice();
  const free = await learn(device, {});
  assert.ok(free.first < 0.2 && free.last > free.first + 0.3, `share from ${free.first} to ${free.last}`);
  assert.ok(free.kl > 0.1, `divergence ${free.kl}`);
  for (const kl of ["exact", "k3"] as const) {
    const held = await learn(device, { kl, beta: 5 });
    assert.equal(held.first, free.first);
    assert.ok(held.last < free.first + 0.15 && held.kl < free.kl / 3, `${kl}: share ${held.last}, kl ${held.kl}`);
  }
});

Deno.test("LlamaGenGrpo: the recorded painter paints with the weights of the last step, or with their averages", async () => {
  const device = await testDevice();
  const model = smallLlamaGen(device);
  using training = new TinyLlamaGenTraining(model);
  const { painter, trainer } = training;
  const keys = Int32Array.from({ length: 12 }, (_, b) => b), classes = keys.map((b) => b % 3);
  const before = [...await painter.paint(classes, keys, 5)];
  for (let n = 0; n < 3; n++) await trainer.update(n);
  const fresh = async () => {
    const copy = new LlamaGen(new BlankInitializer(device), sizes);
    loadParameters(copy, await toHost(device, model.parameters()));
    const other = new LlamaGenPainter(copy, 12, { ...sampling, key: { seed: 5, stream: 0, purpose: 0 } });
    const tokens = [...await other.paint(classes, keys)];
    const [logProbs, expected] = await device.read([painter.images.logProbs, other.images.logProbs]);
    assert.deepEqual(logProbs, expected);
    other.dispose();
    return tokens;
  };
  const after = [...await painter.paint(classes, keys, 5)];
  assert.notDeepEqual(after, before);
  assert.deepEqual(after, await fresh());
  trainer.swapAverages();
  const averaged = [...await painter.paint(classes, keys, 5)];
  assert.notDeepEqual(averaged, after);
  assert.deepEqual(averaged, await fresh());
  trainer.swapAverages();
  assert.deepEqual([...await painter.paint(classes, keys, 5)], after);
});

Deno.test("LlamaGenGrpo: a seed names weights and metrics, bit for bit, through a stop as well", async () => {
  const device = await testDevice();
  const changes = { beta: 0.1, innerEpochs: 2 };
  const run = async ({ trainer, model }: TinyLlamaGenTraining, from: number, to: number) => {
    const metrics: Record<string, number>[] = [];
    for (let n = from; n < to; n++) metrics.push(await trainer.update(n));
    const stable = metrics.map((each) => Object.entries(each).filter(([name]) => !name.startsWith("seconds")));
    return { last: stable.at(-1), weights: await valuesOf(model) };
  };
  const whole = async (seed: number) => {
    using training = new TinyLlamaGenTraining(smallLlamaGen(device), smallLlamaGen(device), { ...changes, seed });
    return await run(training, 0, 4);
  };
  const one = await whole(0);
  assert.deepEqual(await whole(0), one);
  assert.notDeepEqual((await whole(1)).weights, one.weights);

  using begun = new TinyLlamaGenTraining(smallLlamaGen(device), smallLlamaGen(device), { ...changes, seed: 0 });
  await run(begun, 0, 2);
  const saved = await toHost(device, trainingState(begun.model, begun.trainer.generator));
  const other = new LlamaGen(new BlankInitializer(device), sizes);
  using resumed = new TinyLlamaGenTraining(other, smallLlamaGen(device), { ...changes, seed: 0 });
  restoreTraining(other, resumed.trainer.generator, saved);
  assert.deepEqual(await run(resumed, 2, 4), one);
});

Deno.test("LlamaGenGrpo: an update waits once, takes no new memory, and gives what it recorded back", async () => {
  const device = await testDevice();
  const model = smallLlamaGen(device);
  const training = new TinyLlamaGenTraining(model, null, { innerEpochs: 2 });
  await training.trainer.update(0);
  await training.trainer.update(1);
  const { recorder, pool } = device.gpu, { submits } = recorder.counters, { created, liveBytes } = pool.counters;
  await training.trainer.update(2);
  // A submit a cell, pictures, grades, probabilities before, two gradient steps, and one to read.
  assert.equal(recorder.counters.submits - submits, cells + 2 + 1 + 2 + 1);
  assert.deepEqual([pool.counters.created, pool.counters.liveBytes], [created, liveBytes]);
  assert.deepEqual(training.trainer.pictures.shape, [12, 1, 8, 8]);
  training[Symbol.dispose]();
  const left = pool.counters.liveBytes;
  new TinyLlamaGenTraining(model, null, { innerEpochs: 2 })[Symbol.dispose]();
  // What a trainer's optimiser and averages hold stays theirs, and a reward and a tokenizer of the test.
  const parameters = [...model.parameters().values()];
  const again = pool.counters.liveBytes;
  new AdamW(device, parameters, { betas: [0.9, 0.99], weightDecay: 0, maxGradNorm: 1 });
  new Ema(device, parameters, 0.9);
  shareOf(device, 2);
  new VqTokenizer(new Initializer(device, 1), tinyVqConfig);
  assert.equal(again - left, pool.counters.liveBytes - again);
});

Deno.test("LlamaGenGrpo refuses groups that do not divide the batch, and tokens without probability", async () => {
  const device = await testDevice();
  const model = smallLlamaGen(device);
  assert.throws(() => new TinyLlamaGenTraining(model, null, { batch: 6 }), {
    name: "RangeError",
    message: "Cannot divide a batch of 6 pictures into groups of 4",
  });
  assert.throws(() => new TinyLlamaGenTraining(model, null, { beta: 1 }), {
    name: "UserError",
    message: "Cannot weigh a divergence by 1 without a reference model: pass one, or set beta to 0",
  });
});
