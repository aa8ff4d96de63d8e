import type { z } from "zod";
import { RunDirectory } from "../../src/io/run_directory.ts";
import type { Job } from "../../src/jobs/job.ts";
import { Interrupted } from "../../src/jobs/phases.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { testDevice } from "../support/device.ts";

/** How to run a job in a test. */
export interface RunOptions {
  readonly resume?: boolean;
  /** How often the job may ask whether to stop before it is told to; default for ever. */
  readonly patience?: number;
}

/** Runs a job on the test's device; resolves to what it prints at the end, or to null where it was stopped. */
export async function runJob<Schema extends z.ZodObject>(
  job: Job<Schema>,
  config: z.output<Schema>,
  path: string,
  { resume = false, patience = Infinity }: RunOptions = {},
): Promise<string | null> {
  const run = resume ? await RunDirectory.open(path) : await RunDirectory.create(path);
  await run.writeText("config.yaml", "");
  let asked = 0;
  const signal = Object.defineProperty(new AbortController().signal, "aborted", { get: () => ++asked > patience });
  try {
    return await job.run(await testDevice(), config, run, { resume, signal });
  } catch (error) {
    if (error instanceof Interrupted) return null;
    throw error;
  }
}

/** Writes 8x8 digits as IDX files to a folder; returns what a config's `data.source` says of them. */
export async function writeDigits(folder: string, count: number): Promise<{ images: string; labels: string }> {
  const { images, labels, size } = syntheticDigits(count, 1);
  const paths = { images: `${folder}/images`, labels: `${folder}/labels` };
  await Deno.writeFile(paths.images, idx([count, size, size], images));
  await Deno.writeFile(paths.labels, idx([count], labels));
  return paths;
}

function idx(dims: readonly number[], data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + data.length);
  const view = new DataView(bytes.buffer);
  [0x800 + dims.length, ...dims].forEach((value, i) => view.setUint32(4 * i, value));
  bytes.set(data, 4 + 4 * dims.length);
  return bytes;
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
