import { UserError } from "../error.ts";
import { prdcNeighbours } from "../eval/density_coverage.ts";
import type { FeatureNetwork } from "../eval/feature_network.ts";
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
  const least = wanted.includes("prdc") ? prdcNeighbours.density + 1 : compared.length > 0 ? 2 : 1;
  if (count < least) throw refuse(wanted, `wanted at least ${least} pictures, got ${count}`);
  if (beside.length > 0 && count > mostKept) {
    throw refuse(beside, `wanted at most ${mostKept} pictures, got ${count}; leave some out`);
  }
}

/**
 * What the metrics need of one side: pictures go through the network batch by batch, with progress; ready features and
 * statistics are taken as they are.
 *
 * @throws {UserError} for pictures that the network cannot see, and for statistics and features of different dimensions.
 */
export async function measure(
  source: EvaluationSource,
  wanted: readonly ImageMetricName[],
  side: "reference" | "samples",
  network: FeatureNetwork | null,
): Promise<Measured> {
  const { path, pictures, features: ready } = source, count = countOf(source);
  const given = side === "reference" && wanted.includes("fid") ? source.statistics : null;
  const keeps = wanted.some((name) => pairwise.includes(name));
  const dimensions = ready?.dimensions ?? (needsNetwork(source, wanted, side) ? network?.dimensions : undefined) ??
    given!.mean.length;
  if (given && given.mean.length !== dimensions) {
    throw new UserError(
      `Cannot evaluate ${path}: its statistics have ${given.mean.length} dimensions, its features ${dimensions}; ` +
        "take both from the same network",
    );
  }
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
