import { policyMethod } from "../eval/decoding_method.ts";
import { middleTarget } from "../eval/target_comparison.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { comparisonGrid } from "../report/grid.ts";
import type { ImagenetRun } from "./imagenet_policy.ts";
import { channelsOf, scorePictures } from "./imagenet_scores.ts";
import type { Inspector, Measures } from "./grpo_phase.ts";
import { samplingOf } from "./policy_setup.ts";

/** Pictures of a grid and of its rows. */
const shown = 16, columns = 8;
/** A fall of the second CLIP's probability that is not chance, with some hundred pictures. */
const worrying = 0.05;

/** Looks at a policy in training: every measure of pictures at the middle target, and a grid at a fixed seed. */
export class ImagenetInspector implements Inspector {
  /** For a policy of the run. */
  constructor(private readonly job: ImagenetRun, private readonly policy: DecodingPolicy) {}

  /** Called with the number of updates done. */
  async look(updates: number): Promise<Measures> {
    const { device, config, painter, run, measures, classes } = this.job;
    const { training, comparison } = config;
    const labels = labelsInTurn(training.evaluate_samples, classes);
    const steps = middleTarget(training.target_steps);
    const settings = policyMethod(this.policy, steps, "sampled").settings(samplingOf(config), comparison.seed + 1);
    const { images } = await painter.paint(labels, settings);
    const scores = await scorePictures(device, measures, images, labels);
    const bytes = images.length / labels.length, channels = channelsOf(bytes);
    const panel = { label: `${updates} updates, ${steps} steps`, images: images.subarray(0, shown * bytes) };
    const layout = { size: Math.sqrt(bytes / channels), channels, columns, scale: 1 };
    const name = `samples/updates_${String(updates).padStart(4, "0")}.png`;
    await run.writeBytes(name, await comparisonGrid([panel], layout));
    return Object.fromEntries([...scores].map(([name, values]) => [seen(name), mean(values)]));
  }

  /** Says so where the reward has risen while the CLIP that no reward has seen knows the classes less. */
  warn(
    looks: readonly (Measures & { readonly reward: number })[],
    now: Measures & { readonly reward: number },
  ): string | null {
    const found = now[seen(heldOutName)];
    const worse = looks.findLast((look) =>
      found !== undefined && now.reward > look.reward && found < look[seen(heldOutName)]! - worrying
    );
    if (!worse) return null;
    return `the reward has risen from ${worse.reward.toFixed(4)} to ${
      now.reward.toFixed(4)
    } while the probability of ` +
      `the class under the held-out CLIP fell from ${worse[seen(heldOutName)]!.toFixed(3)} to ${found!.toFixed(3)}: ` +
      "the policy is learning the reward, not to paint; see docs/imagenet.md";
  }
}

/** The measure by the CLIP that no reward has seen. */
export const heldOutName = "held_out_clip";

/** Labels that go round the classes. */
export function labelsInTurn(count: number, classes: readonly number[]): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => classes[i % classes.length]!);
}

function seen(name: string): string {
  return name === heldOutName ? name : `seen_${name}`;
}

function mean(values: Float32Array): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
