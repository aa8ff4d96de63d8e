import assert from "node:assert/strict";
import { Clip } from "../../src/models/clip.ts";
import { Initializer } from "../../src/nn/init.ts";
import { ClipTraining, type ClipTrainingOptions } from "../../src/rl/clip_training.ts";
import { tinyClip } from "../models/tiny_clip.ts";
import { testDevice } from "../support/device.ts";
import { assertLeanSteps } from "./step_cost.ts";
import { valuesOf } from "./tiny_generator.ts";

const options: ClipTrainingOptions = {
  ...{ steps: 40, groups: 2, groupSize: 3, textLength: 4 },
  ...{ learningRate: 0.01, warmupSteps: 2, weightDecay: 0.01, maxGradNorm: 1, emaDecay: 0.5 },
};
/** Pair i: bright rows from 2 i on, and the word i. */
const pixels = Float32Array.from({ length: 6 * 192 }, (_, i) => {
  const pair = Math.floor(i / 192) % 3, row = Math.floor(i / 8) % 8;
  return row >> 1 === pair ? 1 : -1;
});
const ids = Int32Array.from({ length: 6 * 4 }, (_, i) => [9, Math.floor(i / 4) % 3, 10, 10][i % 4]!);

Deno.test("ClipTraining: learns three pairs; the averages follow the weights", async () => {
  const device = await testDevice();
  const model = new Clip(new Initializer(device, 1), tinyClip), training = new ClipTraining(model, options);
  const losses: number[] = [];
  for (let n = 0; n < options.steps; n++) losses.push(await training.step(n, pixels, ids).item());
  assert.ok(losses[0]! > 0.8 && losses.at(-1)! < 0.1, `${losses}`);
  const weights = await valuesOf(model);
  training.ema.swap();
  assert.notDeepEqual(await valuesOf(model), weights);
  training.ema.swap();
  assert.deepEqual(await valuesOf(model), weights);
  training.dispose();
});

Deno.test("ClipTraining: a step is one submit without new memory, and equal seeds give equal weights", async () => {
  const device = await testDevice();
  const run = async () => {
    const model = new Clip(new Initializer(device, 1), tinyClip), training = new ClipTraining(model, options);
    await assertLeanSteps(device, { step: (n) => training.step(n, pixels, ids) });
    training.dispose();
    return await valuesOf(model);
  };
  assert.deepEqual(await run(), await run());
});
