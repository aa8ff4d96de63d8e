import { loadConfig } from "../../src/config/load_config.ts";
import { digitsArGrpoJob } from "../../src/jobs/digits_ar_grpo.ts";
import { type DigitsArGrpoConfig, digitsArGrpoSchema } from "../../src/jobs/digits_config.ts";
import { runJob, type RunOptions, writeDigits } from "./run_job.ts";

/** The job's config file. */
export const configFile = new URL("../../configs/digits_ar_grpo.yaml", import.meta.url).pathname;

/** Writes 140 digits as IDX files to a folder and returns the overrides of a job that takes seconds. */
export async function tinyOverrides(folder: string): Promise<string[]> {
  const { images, labels } = await writeDigits(folder, 140);
  return [
    `data={source: {images: ${images}, labels: ${labels}}, train: 100, test: 40}`,
    "judges={a_epochs: 1, b_epochs: 1}",
    "generator={levels: 16, hidden: 16, layers: 1, input: contextual}",
    "pretrain.epochs=1",
    "pretrain.batch_size=16",
    "grpo.updates=3",
    "grpo.group_size=4",
    "grpo.evaluate_every=2",
    "grpo.evaluate_samples=100",
    "grpo.likelihood_batch=16",
    "scratch={updates: 2, group_size: 4, learning_rate: 0.01}",
    "evaluation.samples=100",
  ];
}

/** The config of {@link tinyOverrides} with further changes. */
export async function tinyConfig(folder: string, ...changes: string[]): Promise<DigitsArGrpoConfig> {
  return loadConfig(configFile, digitsArGrpoSchema, [...await tinyOverrides(folder), ...changes]);
}

/** Runs the job on the test's device; resolves to the table that it prints, or to null where it was stopped. */
export function runTiny(config: DigitsArGrpoConfig, path: string, options: RunOptions = {}): Promise<string | null> {
  return runJob(digitsArGrpoJob, config, path, options);
}
