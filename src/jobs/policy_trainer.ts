import { join } from "node:path";
import { writeSafetensors } from "../io/safetensors.ts";
import { arpgMetadata } from "../models/load_arpg.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { StepBudget } from "../policy/step_budget.ts";
import type { WeightedReward } from "../rewards/reward.ts";
import { DecodingGrpo } from "../rl/decoding_grpo.ts";
import type { GrpoPhaseOptions, Inspector } from "./grpo_phase.ts";
import { policyPath } from "./policy_evaluation_config.ts";
import { savePolicy } from "./policy_file.ts";
import { PolicyPhase } from "./policy_phase.ts";
import { makeGrader } from "./policy_rewards.ts";
import { makePolicy, optionsOf, type PolicyTraining, trainedGenerator } from "./policy_setup.ts";
import { toHost } from "./run_state.ts";

/** What a job adds to the training of a policy. */
export interface PolicyTrainingParts extends Pick<GrpoPhaseOptions, "measured"> {
  /** Makes the rewards that look at the job's kind of pictures. */
  readonly rewards: () => Promise<WeightedReward[]>;
  /** Makes what looks at a policy in training. */
  readonly inspect: (policy: DecodingPolicy) => Promise<Inspector>;
}

/** The folder's file of a generator that was trained too. */
export const generatorFile = "arpg.safetensors";

/**
 * Trains the policy of a config, the generator, or both, and writes the averaged weights into the run's checkpoints.
 *
 * @throws {Interrupted} after saving, where the user asked to stop.
 */
export async function trainPolicy(job: PolicyTraining, parts: PolicyTrainingParts): Promise<void> {
  const { device, config, run, runner, painter } = job;
  await runner.begin("grpo");
  const policy = makePolicy(device, config, painter);
  const grader = await makeGrader(job, await parts.rewards());
  const generator = await trainedGenerator(job);
  const budget = new StepBudget(policy.config);
  const trainer = new DecodingGrpo(painter, policy, budget, grader, optionsOf(job), generator ?? undefined);
  const { num_epochs: epochs, batches_per_epoch: batchesPerEpoch, evaluate_every: lookEvery } = config.training;
  const phase = new PolicyPhase(policy, trainer, grader, generator?.model ?? null, await parts.inspect(policy), {
    epochs,
    batchesPerEpoch,
    lookEvery,
    say: (line) => runner.say(line),
    ...(parts.measured ? { measured: parts.measured } : {}),
  });
  await runner.steps(phase);
  phase.finish();
  await savePolicy(device, policyPath(run), policy);
  if (!generator) return;
  const { model } = generator;
  const weights = await toHost(device, model.parameters());
  await writeSafetensors(join(run.checkpoints, generatorFile), weights, arpgMetadata(model.config));
}
