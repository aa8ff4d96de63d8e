import { join } from "node:path";
import { loadConfig } from "../config/load_config.ts";
import { UserError } from "../error.ts";
import type { PaintSettings, PolicySettings } from "../eval/arpg_painter.ts";
import { checkPolicy } from "../eval/policy_painting.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { digitsArpgSchema } from "../jobs/digits_arpg_config.ts";
import { policyRunSchema, trainedPolicyPath } from "../jobs/policy_evaluation_config.ts";
import { loadPolicy } from "../jobs/policy_file.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import { jobNameOf } from "./run_job_name.ts";
import type { SampleRequest } from "./sample_request.ts";

/** The files that `deno task sample` of tokens reads. */
export interface SampleFiles {
  readonly model: string;
  readonly tokenizer: string;
  /** Null where rules made by hand decide. */
  readonly policy: string | null;
}

const shipped = (name: string) => new URL(`../../assets/${name}.safetensors`, import.meta.url).pathname;

/**
 * The files of a request and a run.
 *
 * @throws {UserError} for a run without a model of tokens, for two policies, and for options that do not go with a policy,
 * or not without.
 */
export async function filesOf(request: SampleRequest, run: RunDirectory | undefined): Promise<SampleFiles> {
  const files = await filesOfRun(request, run), { forTokens, greedy, speed } = request;
  if (!files.policy && (greedy || speed !== undefined)) {
    const flag = greedy ? "--greedy" : "--speed";
    throw new UserError(`Cannot use ${flag} without a policy: add --policy FILE, or --run of a digits_policy run`);
  }
  const decided = forTokens.find((name) => name === "schedule" || name === "order");
  if (files.policy && decided) {
    throw new UserError(`Cannot use --${decided} with a policy: it decides itself how many cells, and where`);
  }
  return files;
}

async function filesOfRun(
  { checkpoint, tokenizer, policy }: SampleRequest,
  run: RunDirectory | undefined,
): Promise<SampleFiles> {
  if (!run) {
    return {
      model: checkpoint ?? shipped("digits_arpg"),
      tokenizer: tokenizer ?? shipped("digits_tokenizer"),
      policy: policy ?? null,
    };
  }
  switch (jobNameOf(run)) {
    case "digits_arpg": {
      const config = loadConfig(run.config, digitsArpgSchema);
      const model = join(run.checkpoints, "arpg.safetensors");
      return { model, tokenizer: tokenizer ?? config.tokenizer, policy: policy ?? null };
    }
    case "digits_policy": {
      if (policy !== undefined) {
        throw new UserError(`Cannot paint by two policies: ${run.path} holds one; leave --policy or --run out`);
      }
      const config = loadConfig(run.config, policyRunSchema);
      return { model: config.model, tokenizer: tokenizer ?? config.tokenizer, policy: await trainedPolicyPath(run) };
    }
    default:
      throw new UserError(`Cannot sample from ${run.path}: a run of ${jobNameOf(run)} holds no generator`);
  }
}

/**
 * How to paint with a model: by the policy of a file, or else by schedule and order.
 *
 * @throws {UserError} for a file of another kind, and for a policy that is for another model or other steps.
 */
export async function settingsOf(
  model: FrozenArpg,
  request: SampleRequest,
  file: string | null,
): Promise<PaintSettings | PolicySettings> {
  const { guidance, seed, temperature, topK, topP, greedy, speed, schedule, order, forTokens } = request;
  const noise = { guidance, seed, temperature, ...(topK ? { topK } : {}), ...(topP ? { topP } : {}) };
  if (file === null) return { ...noise, schedule, order, steps: request.steps };
  const policy = await loadPolicy(model.device, file);
  // The default of the option is for rules made by hand: a policy knows few numbers of steps.
  const steps = forTokens.includes("steps") ? request.steps : Math.max(...policy.config.targets);
  const mode = greedy ? "greedy" : "sampled";
  const settings: PolicySettings = { ...noise, policy, steps, mode, ...(speed === undefined ? {} : { speed }) };
  checkPolicy(settings, model); // before any progress is shown
  return settings;
}
