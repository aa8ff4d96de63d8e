import { classify } from "../eval/classify.ts";
import { arpgMethod, policyMethod } from "../eval/decoding_method.ts";
import { middleTarget } from "../eval/target_comparison.ts";
import type { Paintings } from "../eval/arpg_painter.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { comparisonGrid, type Panel } from "../report/grid.ts";
import { paintingFrames } from "../report/painting.ts";
import { paintingGif } from "../report/painting_gif.ts";
import type { DigitsPolicyRun } from "./digits_policy.ts";
import { samplingOf } from "./policy_setup.ts";

/** Pictures of each class that are painted to choose from. */
const perClass = 20;
/** Rounds through the classes in a grid. */
const rounds = 8;
/** Best and worst ones shown. */
const chosen = 40;

/**
 * What a person looks at: the same noise painted by the policy and by ARPG's own rule, with the middle target's steps, as
 * grids and as paintings under way; and the policy's best and worst by the held-out judge's confidence in their class.
 */
export async function writePolicyPictures(
  { device, config, run, data, painter, judges, classes }: DigitsPolicyRun,
  policy: DecodingPolicy,
): Promise<void> {
  const steps = middleTarget(policy.config.targets);
  const columns = classes.length;
  const labels = Uint8Array.from({ length: perClass * columns }, (_, i) => classes[i % columns]!);
  const { size } = data.test, area = size ** 2;
  const layout = { size, columns, scale: 2 };
  const panel = (label: string, images: Uint8Array) => comparisonGrid([{ label, images }], layout);
  const ways = [
    { name: "policy", label: `policy, ${steps} steps`, method: policyMethod(policy, steps, "sampled") },
    { name: "arpg", label: `ARPG's rule, ${steps} steps`, method: arpgMethod(steps) },
  ];
  let painted: Paintings | null = null;
  const panels: Panel[] = [];
  for (const { name, label, method } of ways) {
    const found = await painter.paint(labels, method.settings(samplingOf(config), config.comparison.seed + 2));
    painted ??= found;
    const images = found.images.subarray(0, rounds * columns * area);
    panels.push({ label, images });
    await run.writeBytes(`samples/${name}.png`, await panel(label, images));
    const shown = 2 * columns, cells = painter.model.config.cells;
    const frames = paintingFrames({
      images: found.images.subarray(0, shown * area),
      steps: found.painted.subarray(0, shown * cells),
      size,
      grid: Math.sqrt(cells),
    });
    await run.writeBytes(`samples/${name}.gif`, await paintingGif({ frames, size, columns, scale: 3 }));
  }
  // ARPG's own first: what the policy makes of the same noise stands to its right.
  await run.writeBytes("samples/comparison.png", await comparisonGrid(panels.toReversed(), layout));
  const [seen] = await classify(device, [judges.heldOut], painted!.images);
  const confidence = (i: number) => seen!.probabilities[i * columns + labels[i]!]!;
  const ranked = [...labels.keys()].sort((a, b) => confidence(b) - confidence(a));
  const pictures = (of: readonly number[]) => {
    const images = new Uint8Array(of.length * area);
    of.forEach((i, at) => images.set(painted!.images.subarray(i * area, (i + 1) * area), at * area));
    return images;
  };
  await run.writeBytes("samples/best.png", await panel("the judge is surest", pictures(ranked.slice(0, chosen))));
  const worst = pictures(ranked.slice(-chosen).reverse());
  await run.writeBytes("samples/worst.png", await panel("the judge is least sure", worst));
}
