import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../error.ts";
import { fileError } from "../io/file_error.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { digitsSourceSchema } from "./digits_data.ts";

const seed = z.int().min(0).max(0xffffffff);
const pictures = z.int().min(100).multipleOf(10);

/** What `deno task eval` does with a decoding policy, as the block `evaluation` of its config spells it. */
export const policyEvaluationSchema = z.strictObject({
  /** Pictures of each method and seed. */
  samples: pictures,
  /** Each paints `samples` pictures of every method; measures are means over the seeds. */
  seeds: z.array(seed).min(1),
  /** Pictures that each guidance and temperature is tried with, and each hand-made rule is screened with. */
  tuning_samples: pictures,
  /** Scales of guidance to try for every method. */
  guidance: z.array(z.number().min(0)).min(1),
  /** Temperatures of the tokens to try for every method. */
  temperature: z.array(z.number().min(0)).min(1),
  /** Further speeds of the policy: each multiplies its degrees. */
  speeds: z.array(z.number().positive()),
  /** Hand-made schedules with orders that are scored in full, the best of the screening at every number of steps. */
  finalists: z.int().min(0),
  /** Orders tried for each picture to find what a search by the reward would reach; 0 for no search. */
  search: z.int().min(0).max(256),
  /** Further numbers of steps of ARPG's own rule to compare with. */
  references: z.array(z.int().min(1)),
});

/** See {@link policyEvaluationSchema}. */
export type PolicyEvaluationSettings = z.output<typeof policyEvaluationSchema>;

/** What an evaluation reads of the config of a policy's run; what else stands there is not its business. */
export const policyRunSchema = z.looseObject({
  job: z.literal("digits_policy"),
  memory_gib: z.number().positive(),
  data: digitsSourceSchema,
  model: z.string(),
  tokenizer: z.string(),
  judges: z.strictObject({ reward: z.string(), held_out: z.string() }),
  training: z.looseObject({ cfg_scale: z.number().min(0), temperature: z.number().min(0) }),
  evaluation: policyEvaluationSchema,
});

/** See {@link policyRunSchema}. */
export type PolicyRunConfig = z.output<typeof policyRunSchema>;

/** The file of the trained policy in a run. */
export function policyPath(run: RunDirectory): string {
  return join(run.checkpoints, "policy.safetensors");
}

/** {@link policyPath} where the file is there. @throws {UserError} where the training has not come so far. */
export async function trainedPolicyPath(run: RunDirectory): Promise<string> {
  const path = policyPath(run);
  try {
    await Deno.stat(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw fileError("read", path, cause);
    throw new UserError(
      `Cannot take the policy of ${run.path}: its training is not done; go on with deno task train --resume ${run.path}`,
      { cause },
    );
  }
  return path;
}

/** A fast look: few pictures of one seed at the training's guidance and temperature. */
export function quickSettings({ evaluation, training }: PolicyRunConfig): PolicyEvaluationSettings {
  const { samples, seeds, tuning_samples, finalists } = evaluation;
  return {
    ...evaluation,
    samples: Math.min(samples, 500),
    seeds: seeds.slice(0, 1),
    tuning_samples: Math.min(tuning_samples, 100),
    guidance: [training.cfg_scale],
    temperature: [training.temperature],
    finalists: Math.min(finalists, 1),
    search: 0,
  };
}
