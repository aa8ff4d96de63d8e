import { loadConfig } from "../../src/config/load_config.ts";
import { Interrupted } from "../../src/jobs/phases.ts";
import { runDigitsArGrpo } from "../../src/jobs/digits_ar_grpo.ts";
import { type DigitsArGrpoConfig, digitsArGrpoSchema } from "../../src/jobs/digits_config.ts";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { testDevice } from "../support/device.ts";

/** The job's config file. */
export const configFile = new URL("../../configs/digits_ar_grpo.yaml", import.meta.url).pathname;

/** Writes 140 digits as IDX files to a folder and returns the overrides of a job that takes seconds. */
export async function tinyOverrides(folder: string): Promise<string[]> {
  const { images, labels, count, size } = syntheticDigits(140, 1);
  await Deno.writeFile(`${folder}/images`, idx([count, size, size], images));
  await Deno.writeFile(`${folder}/labels`, idx([count], labels));
  return [
    `data={source: {images: ${folder}/images, labels: ${folder}/labels}, train: 100, test: 40}`,
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

function idx(dims: readonly number[], data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + data.length);
  const view = new DataView(bytes.buffer);
  [0x800 + dims.length, ...dims].forEach((value, i) => view.setUint32(4 * i, value));
  bytes.set(data, 4 + 4 * dims.length);
  return bytes;
}

/** The config of {@link tinyOverrides} with further changes. */
export async function tinyConfig(folder: string, ...changes: string[]): Promise<DigitsArGrpoConfig> {
  return loadConfig(configFile, digitsArGrpoSchema, [...await tinyOverrides(folder), ...changes]);
}

/** How to run the job in a test. */
export interface TinyJob {
  readonly resume?: boolean;
  /** How often the job may ask whether to stop before it is told to; default for ever. */
  readonly patience?: number;
}

/** Runs the job on the test's device; resolves to the table that it prints, or to null where it was stopped. */
export async function runTiny(
  config: DigitsArGrpoConfig,
  path: string,
  { resume = false, patience = Infinity }: TinyJob = {},
): Promise<string | null> {
  const run = resume ? await RunDirectory.open(path) : await RunDirectory.create(path);
  await run.writeText("config.yaml", "");
  let asked = 0;
  const signal = Object.defineProperty(new AbortController().signal, "aborted", { get: () => ++asked > patience });
  try {
    return await runDigitsArGrpo(await testDevice(), config, run, { resume, signal });
  } catch (error) {
    if (error instanceof Interrupted) return null;
    throw error;
  }
}

/** What must not depend on how often a run was stopped: its metrics without times, and its models' bytes. */
export async function outcome(path: string): Promise<{ metrics: unknown[]; models: Record<string, string> }> {
  const lines = (await Deno.readTextFile(`${path}/metrics.jsonl`)).trimEnd().split("\n");
  const metrics = lines.map((line) =>
    Object.fromEntries(Object.entries(JSON.parse(line)).filter(([name]) => !name.startsWith("seconds_")))
  );
  const models: Record<string, string> = {};
  for await (const { name } of Deno.readDir(`${path}/checkpoints`)) {
    if (name !== "state.safetensors") models[name] = (await Deno.readFile(`${path}/checkpoints/${name}`)).toBase64();
  }
  return { metrics, models };
}
