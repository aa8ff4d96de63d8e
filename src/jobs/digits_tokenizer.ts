import { join } from "node:path";
import type { Digits } from "../data/digits.ts";
import { classify, scoreOf } from "../eval/classify.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import type { Judge } from "../models/judge.ts";
import { loadVqTokenizer, VqTokenizer } from "../models/vq_tokenizer.ts";
import { Initializer } from "../nn/init.ts";
import type { Device } from "../tensor/device.ts";
import { loadFullDigits } from "./digits_data.ts";
import { type DigitsTokenizerConfig, digitsTokenizerSchema } from "./digits_tokenizer_config.ts";
import { reconstructDigits, writeReconstructions } from "./digits_tokenizer_evaluation.ts";
import { TokenizerPhase } from "./digits_tokenizer_phase.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { loadJudge } from "./judge_file.ts";
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
  const { judge: judgeFile } = config.evaluation;
  const judge = judgeFile === null ? null : await loadJudge(device, judgeFile); // a missing file is told at once
  const file = join(run.checkpoints, "tokenizer.safetensors");
  if (!runner.isDone("train", phases)) await train(device, config, run, runner, data, file);
  await runner.begin("evaluate");
  // What is evaluated is what the file holds, rounded weights included.
  const model = loadVqTokenizer(device, await readSafetensors(file), file);
  return await evaluate(device, config, run, model, judge, data.test);
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
  const { perceptual } = config.training;
  const judge = perceptual && await loadJudge(device, perceptual.judge);
  for (const tensor of judge?.parameters().values() ?? []) tensor.requiresGrad = false;
  const phase = new TokenizerPhase(model, data.train, config, judge, async (steps) => {
    const { images, mse, usage } = await reconstructDigits(device, model, look);
    await writeReconstructions(run, `train_${String(steps).padStart(5, "0")}`, look, images);
    return { test_mse: mse, test_usage: usage };
  });
  await runner.steps(phase);
  phase.finish();
  const metadata = { model: "vq_tokenizer", config: JSON.stringify(model.config) };
  await writeSafetensors(file, await toHost(device, model.parameters()), metadata, { dtype: "F16" });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function firstDigits(digits: Digits, most: number): Digits {
  const count = Math.min(most, digits.count);
  return { ...digits, count, images: digits.images.subarray(0, count * digits.size ** 2) };
}

async function evaluate(
  device: Device,
  { seed, training, evaluation }: DigitsTokenizerConfig,
  run: RunDirectory,
  model: VqTokenizer,
  judge: Judge | null,
  test: Digits,
): Promise<string> {
  const read = async (pictures: Uint8Array) =>
    scoreOf((await classify(device, [judge!], pictures))[0]!, test.labels).accuracy;
  const { images, ...found } = await reconstructDigits(device, model, test);
  await writeReconstructions(run, "reconstructions", test, images);
  const { adapter } = device.gpu;
  const accuracy = judge && { originals: await read(test.images), reconstructions: await read(images) };
  await run.writeJson("eval.json", {
    digits: test.count,
    seed,
    steps: training.steps,
    adapter: adapter.name,
    ...found,
    judge: accuracy && { file: evaluation.judge, ...accuracy },
  });
  return `${test.count} held-out digits: mean squared error ${found.mse.toFixed(4)}, codes used ${
    percent(found.usage)
  }, perplexity ${found.perplexity.toFixed(0)}${
    accuracy
      ? `; the judge reads ${percent(accuracy.originals)} of the originals, ${
        percent(accuracy.reconstructions)
      } of these`
      : ""
  }`;
}

/** The job behind `configs/digits_tokenizer.yaml`. */
export const digitsTokenizerJob = defineJob(digitsTokenizerSchema, runDigitsTokenizer);
