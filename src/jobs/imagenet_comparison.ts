import { join } from "node:path";
import type { ArpgPainter } from "../eval/arpg_painter.ts";
import { meanInterval } from "../eval/bootstrap.ts";
import { arpgMethod, type DecodingMethod, policyMethod } from "../eval/decoding_method.ts";
import { paintTimed, stepCounts } from "../eval/method_pictures.ts";
import { middleTarget } from "../eval/target_comparison.ts";
import { writeNpz } from "../io/npz.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { comparisonGrid, type Panel } from "../report/grid.ts";
import { paintingFrames } from "../report/painting.ts";
import { paintingGif } from "../report/painting_gif.ts";
import { Progress } from "../report/progress.ts";
import { labelsInTurn } from "./imagenet_inspector.ts";
import type { ImagenetRun } from "./imagenet_policy.ts";
import { channelsOf, scorePictures } from "./imagenet_scores.ts";
import { samplingOf } from "./policy_setup.ts";

/** Mean over the pictures with its 95 % bootstrap interval. */
export type MeanScore = Readonly<Record<"value" | "low" | "high", number>>;

/** A way to paint at a number of target steps, and what its pictures are worth. */
export interface ImagenetScore {
  /** `policy`, or `arpg` for the published model by its own rule; of a LlamaGen, `trained` or `published`. */
  readonly name: "policy" | "arpg" | "trained" | "published";
  readonly target_steps: number;
  readonly mean_steps: number;
  /** Per picture, the median over whole batches; the first, which records the decoder, counts only if it is alone. */
  readonly milliseconds: number;
  readonly scores: Record<string, MeanScore>;
  /** Of a policy: its scores less those of ARPG's rule from the same noise, picture by picture. */
  readonly above_arpg?: Record<string, MeanScore>;
  /** Of a trained LlamaGen: the same, less those of the published weights. */
  readonly above_published?: Record<string, MeanScore>;
}

/** Pictures in a grid and in a painting, and columns. */
const shown = 16, animated = 4, columns = 4;

/**
 * What was trained and the published model by ARPG's own rule at every target, from the same noise, under every measure
 * of single pictures. Writes a grid and paintings of the middle target, and where the config asks for it all pictures as
 * .npz.
 *
 * @param published paints with the weights as they were before the training.
 */
export async function comparePolicyWithRule(
  job: ImagenetRun,
  policy: DecodingPolicy,
  published: ArpgPainter,
): Promise<ImagenetScore[]> {
  const { config: { comparison }, classes } = job, { targets } = policy.config;
  const labels = labelsInTurn(comparison.samples, classes);
  using progress = new Progress(2 * targets.length * labels.length);
  const found: ImagenetScore[] = [];
  let done = 0;
  for (const steps of targets) {
    const paint = async (painter: ArpgPainter, method: DecodingMethod, name: string) => {
      const painted = await paintAndScore(job, painter, method, labels, (more) => {
        progress.update(done + more, `compare ${name}, ${steps} steps`);
      });
      done += labels.length;
      if (comparison.npz) await writePictures(job, `${name}_${steps}`, painted.images, labels);
      return painted;
    };
    const rule = await paint(published, arpgMethod(steps), "arpg");
    const own = await paint(job.painter, policyMethod(policy, steps, "sampled"), "policy");
    const above = (name: string) => own.scores.get(name)!.map((value, i) => value - rule.scores.get(name)![i]!);
    const interval = (of: (name: string) => Float32Array) =>
      Object.fromEntries(job.measures.map(({ name }) => [name, intervalOf(of(name), comparison.seed)]));
    const card = ({ steps: mean_steps, milliseconds }: PaintedAndScored) => ({
      target_steps: steps,
      mean_steps,
      milliseconds,
    });
    found.push(
      { name: "policy", ...card(own), scores: interval((name) => own.scores.get(name)!), above_arpg: interval(above) },
      { name: "arpg", ...card(rule), scores: interval((name) => rule.scores.get(name)!) },
    );
    if (steps === middleTarget(targets)) await writeSamples(job, steps, { rule, own });
  }
  return found;
}

interface PaintedAndScored {
  readonly images: Uint8Array;
  readonly painted: Int32Array;
  readonly scores: ReadonlyMap<string, Float32Array>;
  readonly steps: number;
  readonly milliseconds: number;
}

async function paintAndScore(
  { device, config, measures }: ImagenetRun,
  painter: ArpgPainter,
  method: DecodingMethod,
  labels: Int32Array,
  onProgress: (done: number) => void,
): Promise<PaintedAndScored> {
  const settings = method.settings(samplingOf(config), config.comparison.seed);
  const { images, painted, milliseconds } = await paintTimed(painter, settings, labels, onProgress);
  const steps = stepCounts(painted, painted.length / labels.length).reduce((a, b) => a + b) / labels.length;
  return { images, painted, steps, milliseconds, scores: await scorePictures(device, measures, images, labels) };
}

/** A mean with its interval. */
export function intervalOf(values: Float32Array, seed: number): MeanScore {
  const { estimate: value, low, high } = meanInterval(values, { key: [seed, resampleStream] });
  return { value, low, high };
}

const resampleStream = 0x6263;

/** All pictures of a method as evaluators of image generation read them. */
export async function writePictures(
  { run }: Pick<ImagenetRun, "run">,
  name: string,
  images: Uint8Array,
  labels: Int32Array,
): Promise<void> {
  const bytes = images.length / labels.length, channels = channelsOf(bytes), side = Math.sqrt(bytes / channels);
  await writeNpz(join(run.samples, `${name}.npz`), {
    arr_0: { dtype: "uint8", shape: [labels.length, side, side, channels], data: images },
    labels: { dtype: "int64", shape: [labels.length], data: labels },
  });
}

/** What a person looks at: the same noise painted by ARPG's rule and by the policy. */
async function writeSamples(
  { run, painter }: ImagenetRun,
  steps: number,
  { rule, own }: { readonly rule: PaintedAndScored; readonly own: PaintedAndScored },
): Promise<void> {
  const { cells } = painter.model.config, bytes = own.images.length / (own.painted.length / cells);
  const channels = channelsOf(bytes), size = Math.sqrt(bytes / channels);
  const panel = (label: string, { images }: PaintedAndScored): Panel => ({
    label,
    images: images.subarray(0, shown * bytes),
  });
  const panels = [panel(`ARPG's rule, ${steps} steps`, rule), panel(`policy, ${steps} steps`, own)];
  const layout = { size, channels, columns };
  await run.writeBytes("samples/comparison.png", await comparisonGrid(panels, { ...layout, scale: 1 }));
  for (const [name, { images, painted }] of Object.entries({ arpg: rule, policy: own })) {
    const some = { images: images.subarray(0, animated * bytes), steps: painted.subarray(0, animated * cells) };
    const frames = paintingFrames({ ...some, size, channels, grid: Math.sqrt(cells) });
    await run.writeBytes(`samples/${name}.gif`, await paintingGif({ frames, ...layout, scale: 1 }));
  }
}
