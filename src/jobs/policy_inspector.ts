import { DigitsYardstick } from "../eval/digits_yardstick.ts";
import { middleTarget } from "../eval/target_comparison.ts";
import { policyMethod } from "../eval/decoding_method.ts";
import { balancedLabels } from "../eval/paint_digits.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { comparisonGrid } from "../report/grid.ts";
import type { DigitsPolicyRun } from "./digits_policy.ts";
import type { Inspector } from "./grpo_phase.ts";
import { type Look, rewardHacked } from "./policy_phase.ts";
import { samplingOf } from "./policy_setup.ts";

/** Pictures of a grid: ten rounds through the classes. */
const shown = 100;

/** Looks at a policy in training: held-out judge, Frechet distance, a grid at a fixed seed. */
export class PolicyInspector implements Inspector<Look> {
  private constructor(
    private readonly job: DigitsPolicyRun,
    private readonly policy: DecodingPolicy,
    private readonly yardstick: DigitsYardstick,
  ) {}

  static async open(job: DigitsPolicyRun, policy: DecodingPolicy): Promise<PolicyInspector> {
    const { device, judges, data, config } = job;
    const { evaluate_samples: samples } = config.training;
    return new PolicyInspector(job, policy, await DigitsYardstick.measure(device, judges.heldOut, data, samples));
  }

  /** Called with the number of updates done: looks at the middle target. */
  async look(updates: number): Promise<Look> {
    const { config, painter, run, data, classes } = this.job;
    const { training, comparison } = config;
    const labels = balancedLabels(training.evaluate_samples, classes);
    const steps = middleTarget(training.target_steps);
    const { images } = await painter.paint(
      labels,
      policyMethod(this.policy, steps, "sampled").settings(samplingOf(config), comparison.seed + 1),
    );
    const { accuracy, frechet } = await this.yardstick.score({ images, labels });
    const { size } = data.test;
    const panel = { label: `${updates} updates, ${steps} steps`, images: images.subarray(0, shown * size ** 2) };
    const grid = await comparisonGrid([panel], { size, columns: classes.length, scale: 2 });
    await run.writeBytes(`samples/updates_${String(updates).padStart(4, "0")}.png`, grid);
    return { held_out_accuracy: accuracy, held_out_frechet: frechet };
  }

  /** Says so where the reward has risen and the judge likes the pictures less. */
  readonly warn = rewardHacked;
}
