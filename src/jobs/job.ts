import type { z } from "zod";
import type { RunDirectory } from "../io/run_directory.ts";
import type { Device } from "../tensor/device.ts";

/** How to run a job. */
export interface JobOptions {
  /** Take up the run's saved state. */
  readonly resume: boolean;
  /** Asks to save and stop. */
  readonly signal: AbortSignal;
}

/** What every job's settings hold. */
export interface JobConfig extends Readonly<Record<string, unknown>> {
  /** Which job, the key that configs are told apart by. */
  readonly job: string;
  /** Of all random numbers, u32. */
  readonly seed: number;
  /** Most GPU memory, in GiB. */
  readonly memory_gib: number;
}

/** What `deno task train` runs: the settings it takes and the work, which ends with a comparison as text. */
export interface Job<Schema extends z.ZodObject = z.ZodObject> {
  /** All settings, with the literal `job`. */
  readonly schema: Schema;
  /** Refuses, before a run begins or goes on, what would stop it: files that are not there. */
  check?(config: z.output<Schema>): Promise<void>;
  /** Does the work in the run's folder. @throws {Interrupted} after saving, where the signal asks. */
  run(device: Device, config: z.output<Schema>, run: RunDirectory, options: JobOptions): Promise<string>;
}

/** A job whose settings and work agree in type. */
export function defineJob<Schema extends z.ZodObject>(
  schema: z.output<Schema> extends JobConfig ? Schema : never,
  run: Job<Schema>["run"],
  check?: Job<Schema>["check"],
): Job<Schema> {
  return { schema, run, ...(check ? { check } : {}) };
}
