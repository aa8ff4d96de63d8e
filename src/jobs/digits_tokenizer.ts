import { join } from "node:path";
import type { Digits } from "../data/digits.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { loadVqTokenizer, VqTokenizer } from "../models/vq_tokenizer.ts";
import { Initializer } from "../nn/init.ts";
import type { Device } from "../tensor/device.ts";
import { loadFullDigits } from "./digits_28.ts";
import { type DigitsTokenizerConfig, digitsTokenizerSchema } from "./digits_tokenizer_config.ts";
import { reconstructDigits, writeReconstructions } from "./digits_tokenizer_evaluation.ts";
import { TokenizerPhase } from "./digits_tokenizer_phase.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { PhaseRunner } from "./phases.ts";
import { toHost } from "./run_state.ts";

const phases = ["train", "evaluate"] as const;
/** Held-out digits that a look during training reconstructs. */
const lookDigits = 500;

/**
 * Trains a VQ tokenizer on digits and evaluates it on held-out ones. The averaged weights and the sizes end in
 * `checkpoints/tokenizer.safetensors`, from which alone `loadVqTokenizer` makes the model.
 *
 * @returns the evaluation as text.
 */
async function runDigitsTokenizer(
  device: Device,
  config: DigitsTokenizerConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: config.checkpoint_seconds });
  const data = await loadFullDigits(config.data);
  const file = join(run.checkpoints, "tokenizer.safetensors");
  if (!runner.isDone("train", phases)) await train(device, config, run, runner, data, file);
  await runner.begin("evaluate");
  // What is evaluated is what the file holds, rounded weights included.
  const model = loadVqTokenizer(device, await readSafetensors(file), file);
  return await evaluate(device, config, run, model, data.test);
}

/** Writes the averaged weights as float16, with their sizes, to `file`. */
async function train(
  device: Device,
  config: DigitsTokenizerConfig,
  run: RunDirectory,
  runner: PhaseRunner,
  data: { readonly train: Digits; readonly test: Digits },
  file: string,
): Promise<void> {
  await runner.begin("train");
  const model = new VqTokenizer(new Initializer(device, config.seed), { ...config.tokenizer, image_channels: 1 });
  const look = firstDigits(data.test, lookDigits);
  const phase = new TokenizerPhase(model, data.train, config, async (steps) => {
    const { images, mse, usage } = await reconstructDigits(device, model, look);
    await writeReconstructions(run, `train_${String(steps).padStart(5, "0")}`, look, images);
    return { test_mse: mse, test_usage: usage };
  });
  await runner.steps(phase);
  phase.finish();
  const metadata = { model: "vq_tokenizer", config: JSON.stringify(model.config) };
  await writeSafetensors(file, await toHost(device, model.parameters()), metadata, { dtype: "F16" });
}

function firstDigits(digits: Digits, most: number): Digits {
  const count = Math.min(most, digits.count);
  return { ...digits, count, images: digits.images.subarray(0, count * digits.size ** 2) };
}

async function evaluate(
  device: Device,
  { seed, training }: DigitsTokenizerConfig,
  run: RunDirectory,
  model: VqTokenizer,
  test: Digits,
): Promise<string> {
  const { images, ...found } = await reconstructDigits(device, model, test);
  await writeReconstructions(run, "reconstructions", test, images);
  const { adapter } = device.gpu;
  await run.writeJson("eval.json", {
    digits: test.count,
    seed,
    steps: training.steps,
    adapter: adapter.name,
    ...found,
  });
  return `${test.count} held-out digits: mean squared error ${found.mse.toFixed(4)}, codes used ${
    (100 * found.usage).toFixed(1)
  } %, perplexity ${found.perplexity.toFixed(0)}`;
}

/** The job behind `configs/digits_tokenizer.yaml`. */
export const digitsTokenizerJob = defineJob(digitsTokenizerSchema, runDigitsTokenizer);
