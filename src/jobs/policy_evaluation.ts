import type { ArpgPainter } from "../eval/arpg_painter.ts";
import type { SampleSets } from "../eval/method_scoring.ts";
import { MethodYardstick } from "../eval/method_yardstick.ts";
import type { RewardOfPaintings } from "../eval/order_search.ts";
import { comparePolicy } from "../eval/policy_comparison.ts";
import { compareAtTargets, type TargetComparison, type TargetComparisonOptions } from "../eval/target_comparison.ts";
import type { Judge } from "../models/judge.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { PolicyEvaluation } from "../report/run_record.ts";
import type { SplitDigits } from "./digits_data.ts";
import type { PolicyEvaluationSettings } from "./policy_evaluation_config.ts";

/** What a policy is evaluated with. */
export interface PolicyEvaluationParts {
  readonly painter: ArpgPainter;
  readonly policy: DecodingPolicy;
  /** Held out of every reward. */
  readonly judge: Judge;
  /** The judge's file, for the record. */
  readonly judgeFile: string;
  readonly data: SplitDigits;
  /** Of this program, for the record; null where it is not known. */
  readonly commit: string | null;
}

/**
 * The evaluation after a training: the policy, sampled, against ARPG's own rule at each of its targets from the same
 * noise, at one guidance and temperature.
 */
export async function evaluateAtTargets(
  parts: PolicyEvaluationParts,
  options: TargetComparisonOptions,
): Promise<PolicyEvaluation> {
  const { painter, policy } = parts;
  const yardstick = await yardstickOf(parts, options.samples);
  return recordOf(parts, options, yardstick, await compareAtTargets(painter, policy, yardstick, options));
}

/**
 * The policy against every hand-made rule, each at its own best guidance and temperature.
 *
 * @param rewardOf what the search over orders goes by: it must not know the judge.
 * @param onProgress told after every batch how many of `picturesOf` are painted, and by what.
 */
export async function evaluatePolicy(
  parts: PolicyEvaluationParts,
  settings: PolicyEvaluationSettings,
  rewardOf: RewardOfPaintings,
  onProgress: (done: number, what: string) => void,
): Promise<PolicyEvaluation> {
  const { painter, policy } = parts;
  const yardstick = await yardstickOf(parts, settings.samples);
  const found = await comparePolicy({ painter, policy, yardstick, rewardOf, onProgress }, settings);
  return recordOf(parts, settings, yardstick, found);
}

/** Measures the real digits. */
async function yardstickOf({ painter, judge, data }: PolicyEvaluationParts, samples: number): Promise<MethodYardstick> {
  return await MethodYardstick.measure(painter.model.device, judge, data, samples);
}

function recordOf(
  { painter, judgeFile, commit }: PolicyEvaluationParts,
  { samples, seeds }: SampleSets,
  { heldOut }: MethodYardstick,
  found: TargetComparison,
): PolicyEvaluation {
  return {
    adapter: painter.model.device.gpu.adapter.name,
    commit,
    date: new Date().toISOString().slice(0, 10),
    seeds: [...seeds],
    samples,
    judge: judgeFile,
    held_out: { ...heldOut },
    ...found,
  };
}
