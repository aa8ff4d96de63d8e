import { z } from "zod";
import { loadConfig } from "../config/load_config.ts";
import type { RunDirectory } from "../io/run_directory.ts";

/** The job of a run, whether this program knows its settings or not. @throws {UserError} where its config names none. */
export function jobNameOf(run: RunDirectory): string {
  return loadConfig(run.config, z.looseObject({ job: z.string() })).job;
}
