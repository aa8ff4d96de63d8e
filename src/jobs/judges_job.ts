import { join } from "node:path";
import type { Digits } from "../data/digits.ts";
import { classify, scoreOf } from "../eval/classify.ts";
import { trainJudge } from "../eval/train_judge.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { Initializer } from "../nn/init.ts";
import { Progress } from "../report/progress.ts";
import type { Device } from "../tensor/device.ts";
import { loadFullDigits } from "./digits_data.ts";
import { type DigitsJudgesConfig, digitsJudgesSchema } from "./digits_judges_config.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { loadJudge, makeJudge, saveJudge } from "./judge_file.ts";
import { Interrupted, PhaseRunner } from "./phases.ts";

const phases = ["judge_a", "judge_b", "evaluate"] as const;

/** What judge A and judge B share. */
interface JudgesJob {
  readonly device: Device;
  readonly config: DigitsJudgesConfig;
  readonly runner: PhaseRunner;
  readonly data: { readonly train: Digits; readonly test: Digits };
  readonly signal: AbortSignal;
}

/**
 * Trains two judges on real digits, A from the config's seed and B from the next one. They end in
 * `checkpoints/judge_a.safetensors` and `judge_b.safetensors`, from which alone `loadJudge` makes them. A run that was
 * stopped begins the judge it was at anew.
 *
 * @returns accuracy and confidence of what the files hold, on held-out digits.
 */
async function runDigitsJudges(
  device: Device,
  config: DigitsJudgesConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: Infinity });
  const data = await loadFullDigits(config.data);
  const job: JudgesJob = { device, config, runner, data, signal };
  const file = (name: "a" | "b") => join(run.checkpoints, `judge_${name}.safetensors`);
  for (const name of ["a", "b"] as const) {
    if (!runner.isDone(`judge_${name}`, phases)) await train(job, name, file(name));
  }
  await runner.begin("evaluate");
  const found = { a: await score(job, file("a")), b: await score(job, file("b")) };
  await run.writeJson("eval.json", { digits: data.test.count, adapter: device.gpu.adapter.name, judges: found });
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  return Object.entries(found).map(([name, { accuracy, confidence }]) =>
    `Judge ${name.toUpperCase()}: ${percent(accuracy)} of ${data.test.count} held-out digits, confidence ${
      percent(confidence)
    }`
  ).join("\n");
}

async function train(
  { device, config, runner, data, signal }: JudgesJob,
  name: "a" | "b",
  file: string,
): Promise<void> {
  await runner.begin(`judge_${name}`);
  const { architecture, epochs, learning_rate: learningRate } = config[name];
  const seed = config.seed + (name === "a" ? 0 : 1), { size } = data.train;
  const judge = makeJudge(new Initializer(device, seed), { architecture, size });
  using progress = new Progress(epochs);
  const onEpoch = (epoch: number, loss: number) => {
    runner.record({ phase: `judge_${name}`, epoch, loss });
    progress.update(epoch, `judge ${name.toUpperCase()}  loss ${loss.toFixed(3)}`);
  };
  const { augmentation } = config;
  try {
    await trainJudge(device, judge, data.train, { epochs, seed, learningRate, augmentation, signal, onEpoch });
  } catch (cause) {
    throw cause === signal.reason ? new Interrupted() : cause;
  }
  const [seen] = await classify(device, [judge], data.test.images);
  const { accuracy } = scoreOf(seen!, data.test.labels);
  await saveJudge(device, file, judge, { architecture, size, seed, epochs, accuracy });
}

/** What the file's judge, rounded to float16, makes of held-out digits. */
async function score({ device, data }: JudgesJob, file: string): Promise<{ accuracy: number; confidence: number }> {
  const [seen] = await classify(device, [await loadJudge(device, file)], data.test.images);
  return scoreOf(seen!, data.test.labels);
}

/** The job behind `configs/digits_judges.yaml`. */
export const digitsJudgesJob = defineJob(digitsJudgesSchema, runDigitsJudges);
