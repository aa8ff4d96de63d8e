import type { Command } from "commander";
import { loadConfig } from "../config/load_config.ts";
import { RunDirectory } from "../io/run_directory.ts";
import { anyJobSchema } from "../jobs/registry.ts";
import { samplePixels } from "./sample_pixels.ts";
import { declareOptions, readRequest } from "./sample_request.ts";
import { sampleTokens } from "./sample_tokens.ts";

/** Declares `deno task sample`: paints images with a model file or the model of a run. */
export function sampleCommand(program: Command): void {
  program.description("Paints images, or paints a part of an image anew, with the digits model or that of a run.");
  declareOptions(program);
  program.action(async () => {
    const request = readRequest(program);
    if (request.run === undefined) return await sampleTokens(request);
    const run = await RunDirectory.open(request.run);
    const { job } = loadConfig(run.config, anyJobSchema);
    await (job === "digits_ar_grpo" ? samplePixels(run, request) : sampleTokens(request, run));
  });
}
