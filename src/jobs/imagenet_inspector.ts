import type { RunDirectory } from "../io/run_directory.ts";
import type { Reward, WeightedReward } from "../rewards/reward.ts";
import type { Device } from "../tensor/device.ts";
import { permutation } from "../tensor/philox.ts";
import { comparisonGrid } from "../report/grid.ts";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { channelsOf, type PictureMeasure, scorePictures } from "./imagenet_scores.ts";
import type { Inspector, Measures } from "./grpo_phase.ts";

/** What a look needs of a run. */
export interface InspectedRun {
  readonly device: Device;
  readonly config: ImagenetConfig;
  readonly run: RunDirectory;
  /** The rewards that look at pictures, and the judge that is in none. */
  readonly measures: readonly PictureMeasure[];
  /** Classes to paint, in turn. */
  readonly classes: readonly number[];
}

/** How what is trained paints at a look. */
export interface LookPainter {
  /** What it is, in a warning. */
  readonly learner: "policy" | "generator";
  /** Of its pictures. */
  readonly steps: number;
  /** Pictures `[N, S, S, C]` of labels, from the noise of a seed. */
  paint(labels: Int32Array, seed: number): Promise<Uint8Array>;
}

/** Pictures of a grid and of its rows. */
const shown = 16, columns = 8;
/** A fall of the second CLIP's probability that is not chance, with some hundred pictures. */
const worrying = 0.05;

/** Looks at what is in training: every measure of pictures, and a grid at a fixed seed. */
export class ImagenetInspector implements Inspector {
  /** For what a run trains. */
  constructor(private readonly job: InspectedRun, private readonly painter: LookPainter) {}

  /** Called with the number of updates done. */
  async look(updates: number): Promise<Measures> {
    const { device, config: { training, comparison }, run, measures, classes } = this.job;
    const labels = labelsInTurn(training.evaluate_samples, classes), { steps } = this.painter;
    const images = await this.painter.paint(labels, comparison.seed + 1);
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
      `the ${this.painter.learner} is learning the reward, not to paint; see docs/imagenet.md`;
  }
}

/** The measure by the CLIP that no reward has seen. */
export const heldOutName = "held_out_clip";

/** What looks at a run's pictures: its rewards, and the judge if there is one. */
export function measuresOf(rewards: readonly WeightedReward[], judge: Reward | null): PictureMeasure[] {
  return [
    ...rewards.map(({ reward }) => ({ name: reward.name, reward })),
    ...(judge ? [{ name: heldOutName, reward: judge }] : []),
  ];
}

/** A config's classes, or else all. Neighbours among ImageNet's are alike: in a random order an update sees different ones. */
export function classesOf({ classes, seed }: ImagenetConfig, all: number): readonly number[] {
  return classes ?? [...permutation(all, [seed, classStream])];
}

const classStream = 0x636c;

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
