import { UserError } from "../error.ts";
import { prdcNeighbours } from "../eval/density_coverage.ts";
import type { FeatureNetwork } from "../eval/feature_network.ts";
import type { FrechetStatistics } from "../eval/frechet.ts";
import type { ImageMetricName, PictureMeasurements } from "../eval/image_metrics.ts";
import { InceptionSplits } from "../eval/inception_splits.ts";
import { RunningStatistics } from "../eval/running_statistics.ts";
import { Progress } from "../report/progress.ts";
import type { EvaluationSource } from "./eval_source.ts";

/** Measurements of a source, and how many pictures or vectors they are of; null where it holds statistics alone. */
export interface Measured extends PictureMeasurements {
  readonly path: string;
  readonly count: number | null;
  readonly dimensions: number;
}

/** Vectors of a side that are kept for kernel distances and balls: 800 MB at 2,048 dimensions. */
const mostKept = 100_000;

/** The metrics that compare vector by vector. */
const pairwise: readonly ImageMetricName[] = ["kid", "prdc"];

/** Whether a source must be seen by a network to give what the metrics need of its side. */
export function needsNetwork(
  { pictures, statistics }: EvaluationSource,
  wanted: readonly ImageMetricName[],
  side: "reference" | "samples",
): boolean {
  if (!pictures) return false;
  return side === "samples" || wanted.some((name) => pairwise.includes(name)) ||
    (wanted.includes("fid") && !statistics);
}

/** Pictures or vectors of a source; null where it holds statistics alone. */
function countOf({ features, pictures }: EvaluationSource): number | null {
  return features ? features.features.length / features.dimensions : pictures?.count ?? null;
}

/** What the metrics need of a side is there, as far as can be told before anything is looked at. @throws {UserError} */
export function requireMeasurable(
  source: EvaluationSource,
  wanted: readonly ImageMetricName[],
  side: "reference" | "samples",
): void {
  const refuse = (names: readonly ImageMetricName[], reason: string) =>
    new UserError(`Cannot take ${names.join(" and ")} of ${source.path}: ${reason}`);
  const count = countOf(source), compared = wanted.filter((name) => name !== "is");
  const beside = wanted.filter((name) => pairwise.includes(name));
  if (count === null) {
    const unfit = side === "samples" ? wanted : beside;
    if (unfit.length > 0) throw refuse(unfit, "it holds mu and sigma alone; name pictures, or features [N, D]");
    return;
  }
  if (side === "samples" && wanted.includes("is") && !source.pictures) {
    throw refuse(["is"], "it holds features; name pictures, whose classes can be told");
  }
  const things = source.pictures ? "pictures" : "vectors";
  const least = wanted.includes("prdc") ? prdcNeighbours.density + 1 : compared.length > 0 ? 2 : 1;
  if (count < least) throw refuse(wanted, `wanted at least ${least} ${things}, got ${count}`);
  if (beside.length > 0 && count > mostKept) {
    throw refuse(beside, `wanted at most ${mostKept} ${things}, got ${count}; leave some out`);
  }
}

/** The statistics that a source holds, where the metrics take them of it. */
function givenStatistics(
  source: EvaluationSource,
  wanted: readonly ImageMetricName[],
  side: "reference" | "samples",
): FrechetStatistics | null {
  return side === "reference" && wanted.includes("fid") ? source.statistics : null;
}

/**
 * Width of a side's features, known before anything is looked at.
 *
 * @throws {UserError} for statistics and features of different dimensions.
 */
export function dimensionsOf(
  source: EvaluationSource,
  wanted: readonly ImageMetricName[],
  side: "reference" | "samples",
  network: FeatureNetwork | null,
): number {
  const given = givenStatistics(source, wanted, side)?.mean.length;
  const own = source.features?.dimensions ?? (needsNetwork(source, wanted, side) ? network!.dimensions : undefined);
  if (given !== undefined && own !== undefined && given !== own) {
    throw new UserError(
      `Cannot evaluate ${source.path}: its statistics have ${given} dimensions, its features ${own}; ` +
        "take both from the same network",
    );
  }
  return own ?? given!;
}

/**
 * What the metrics need of one side: pictures go through the network batch by batch, with progress; ready features and
 * statistics are taken as they are.
 *
 * @throws {UserError} for pictures that the network cannot see, and as {@link dimensionsOf}.
 */
export async function measure(
  source: EvaluationSource,
  wanted: readonly ImageMetricName[],
  side: "reference" | "samples",
  network: FeatureNetwork | null,
): Promise<Measured> {
  const { path, pictures, features: ready } = source, count = countOf(source);
  const given = givenStatistics(source, wanted, side), dimensions = dimensionsOf(source, wanted, side, network);
  const keeps = wanted.some((name) => pairwise.includes(name));
  const sums = wanted.includes("fid") && !given ? new RunningStatistics(dimensions) : null;
  const splits = side === "samples" && wanted.includes("is") ? new InceptionSplits(network!.classes) : null;
  const kept = keeps ? ready?.features ?? new Float32Array(count! * dimensions) : null;
  if (ready) sums?.add(ready.features);
  else if (needsNetwork(source, wanted, side)) {
    using progress = new Progress(count!);
    let done = 0;
    for await (const { pixels, sizes } of pictures!.batches(network!.batch)) {
      const { features, probabilities } = await network!.see(pixels, sizes, path);
      sums?.add(features);
      splits?.add(probabilities);
      kept?.set(features, done * dimensions);
      done += features.length / dimensions;
      progress.update(done, side);
    }
  }
  const statistics = given ?? sums?.statistics() ?? null;
  return { path, count, dimensions, statistics, features: kept, inceptionScore: splits?.score() ?? null };
}
