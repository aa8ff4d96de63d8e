import type { RunDirectory } from "../io/run_directory.ts";
import { readSafetensors } from "../io/safetensors.ts";
import type { Judge } from "../models/judge.ts";
import { loadArpg } from "../models/load_arpg.ts";
import { Progress } from "../report/progress.ts";
import { writeReport } from "../report/policy_report.ts";
import type { Device } from "../tensor/device.ts";
import { loadFullDigits, type SplitDigits } from "./digits_data.ts";
import { type DigitsPolicyConfig, digitsPolicySchema } from "./digits_policy_config.ts";
import { digitsRewards } from "./digits_policy_rewards.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { loadJudge } from "./judge_file.ts";
import { openPainter } from "./open_painter.ts";
import { PhaseRunner } from "./phases.ts";
import { evaluateAtTargets } from "./policy_evaluation.ts";
import { policyPath } from "./policy_evaluation_config.ts";
import { evaluationTable } from "./policy_evaluation_table.ts";
import { loadPolicy } from "./policy_file.ts";
import { PolicyInspector } from "./policy_inspector.ts";
import { writePolicyPictures } from "./policy_pictures.ts";
import { type PolicyTraining, samplingOf } from "./policy_setup.ts";
import { trainPolicy } from "./policy_trainer.ts";

const phases = ["grpo", "evaluate"] as const;

/** The classes of digits. */
const digitClasses: readonly number[] = [...Array(10).keys()];

/** What the phases of the job share. */
export interface DigitsPolicyRun extends PolicyTraining {
  readonly config: DigitsPolicyConfig;
  readonly data: SplitDigits;
  readonly judges: { readonly reward: Judge; readonly heldOut: Judge };
}

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
  const loadGenerator = async () => loadArpg(device, await readSafetensors(config.model), config.model);
  const names = { classes: digitClasses, classNames: digitClasses.map(String) };
  const job: DigitsPolicyRun = { device, config, run, runner, data, painter, judges, loadGenerator, ...names };
  if (!runner.isDone("grpo", phases)) {
    await trainPolicy(job, {
      rewards: () => digitsRewards(job),
      inspect: (policy) => PolicyInspector.open(job, policy),
    });
  }
  await runner.begin("evaluate");
  return await compare(job);
}

/** The policy against ARPG's own rule at every target: eval.json, pictures, report. */
async function compare(job: DigitsPolicyRun): Promise<string> {
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
