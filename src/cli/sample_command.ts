import type { Command } from "commander";
import { RunDirectory } from "../io/run_directory.ts";
import { jobNameOf } from "./run_job_name.ts";
import { samplePixels } from "./sample_pixels.ts";
import { declareOptions, readRequest } from "./sample_request.ts";
import { sampleTokens } from "./sample_tokens.ts";

/** Declares `deno task sample`: paints images with a model file or the model of a run. */
export function sampleCommand(program: Command): void {
  program.description(
    "Paints images, or paints a part of an image anew, with the digits model or that of a run, by rules or a policy.",
  );
  declareOptions(program);
  program.action(async () => {
    const request = readRequest(program);
    if (request.run === undefined) return await sampleTokens(request);
    const run = await RunDirectory.open(request.run);
    await (jobNameOf(run) === "digits_ar_grpo" ? samplePixels(run, request) : sampleTokens(request, run));
  });
}
