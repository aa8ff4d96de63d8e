import { StepBudget } from "../policy/step_budget.ts";
import { join } from "node:path";
import { writeSafetensors } from "../io/safetensors.ts";
import { arpgMetadata } from "../models/load_arpg.ts";
import { toHost } from "./run_state.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { Progress } from "../report/progress.ts";
import { writeReport } from "../report/policy_report.ts";
import { DecodingGrpo } from "../rl/decoding_grpo.ts";
import type { Device } from "../tensor/device.ts";
import { loadFullDigits } from "./digits_data.ts";
import { type DigitsPolicyConfig, digitsPolicySchema } from "./digits_policy_config.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { loadJudge } from "./judge_file.ts";
import { openPainter } from "./open_painter.ts";
import { PhaseRunner } from "./phases.ts";
import { evaluateAtTargets } from "./policy_evaluation.ts";
import { policyPath } from "./policy_evaluation_config.ts";
import { evaluationTable } from "./policy_evaluation_table.ts";
import { loadPolicy, savePolicy } from "./policy_file.ts";
import { PolicyInspector } from "./policy_inspector.ts";
import { PolicyPhase } from "./policy_phase.ts";
import { writePolicyPictures } from "./policy_pictures.ts";
import { makeGrader } from "./policy_rewards.ts";
import { makePolicy, optionsOf, type PolicyJob, samplingOf, trainedGenerator } from "./policy_setup.ts";

const phases = ["grpo", "evaluate"] as const;

/** The job `digits_policy`. */
export const digitsPolicyJob = defineJob(digitsPolicySchema, runDigitsPolicy);

/**
 * Trains a decoding policy for a frozen ARPG of digits by GRPO, writes its averaged weights to
 * `checkpoints/policy.safetensors`, compares what it paints with what ARPG's own rule paints from the same noise under a
 * judge that no reward has seen, and writes the report.
 *
 * @returns the comparison and the path of the report.
 */
export async function runDigitsPolicy(
  device: Device,
  config: DigitsPolicyConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: config.checkpoint_seconds });
  const data = await loadFullDigits(config.data);
  using painter = await openPainter(device, config.model, config.tokenizer);
  const judges = {
    reward: await loadJudge(device, config.judges.reward),
    heldOut: await loadJudge(device, config.judges.held_out),
  };
  const job: PolicyJob = { device, config, run, runner, data, painter, judges };
  if (!runner.isDone("grpo", phases)) await train(job);
  await runner.begin("evaluate");
  return await compare(job);
}

async function train(job: PolicyJob): Promise<void> {
  const { device, config, run, runner, painter } = job;
  await runner.begin("grpo");
  const policy = makePolicy(device, config, painter);
  const grader = await makeGrader(job);
  const generator = await trainedGenerator(device, config);
  const budget = new StepBudget(policy.config);
  const trainer = new DecodingGrpo(painter, policy, budget, grader, optionsOf(config), generator ?? undefined);
  const inspector = await PolicyInspector.open(job, policy);
  const { num_epochs: epochs, batches_per_epoch: batchesPerEpoch, evaluate_every: lookEvery } = config.training;
  const phase = new PolicyPhase(
    policy,
    trainer,
    grader,
    generator?.model ?? null,
    (updates) => inspector.look(updates),
    {
      epochs,
      batchesPerEpoch,
      lookEvery,
      say: (line) => runner.say(line),
    },
  );
  await runner.steps(phase);
  phase.finish();
  await savePolicy(device, policyPath(run), policy);
  if (!generator) return;
  const { model } = generator;
  const weights = await toHost(device, model.parameters());
  await writeSafetensors(join(run.checkpoints, "arpg.safetensors"), weights, arpgMetadata(model.config));
}

/** The policy against ARPG's own rule at every target: eval.json, pictures, report. */
async function compare(job: PolicyJob): Promise<string> {
  const { device, config, run, data, painter, judges } = job;
  const policy = await loadPolicy(device, policyPath(run));
  const { samples, seed } = config.comparison;
  using progress = new Progress(2 * policy.config.targets.length * samples);
  let painted = 0;
  const evaluation = await evaluateAtTargets(
    { painter, policy, judge: judges.heldOut, judgeFile: config.judges.held_out, data, commit: await run.commit() },
    {
      samples,
      seeds: [seed],
      sampling: samplingOf(config),
      onPictures: (more, what) => progress.update(painted += more, `compare ${what}`),
    },
  );
  await run.writeJson("eval.json", { ...evaluation });
  await writePolicyPictures(job, policy);
  return `${evaluationTable(evaluation)}\nReport: ${await writeReport(run)}`;
}
