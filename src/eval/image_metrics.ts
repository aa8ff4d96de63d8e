import { prdc } from "./density_coverage.ts";
import { drawVectors, type Spread, subsetKernelDistance } from "./feature_subsets.ts";
import { frechetDistance, type FrechetStatistics } from "./frechet.ts";

/** What can be measured: Frechet distance, Inception score, kernel distance; precision, recall, density, coverage. */
export const imageMetricNames = ["fid", "is", "kid", "prdc"] as const;

/** One of {@link imageMetricNames}. */
export type ImageMetricName = (typeof imageMetricNames)[number];

/** What is known of a set of pictures; null for what was not asked or cannot be had. */
export interface PictureMeasurements {
  /** For `fid`. */
  readonly statistics: FrechetStatistics | null;
  /** `[N, D]`, for `kid` and `prdc`. */
  readonly features: Float32Array | null;
  /** Of the samples, for `is`. */
  readonly inceptionScore: Spread | null;
}

/** Most vectors of a side that `prdc` takes: more are drawn from, since its time grows with their product. */
const mostPrdcVectors = 10_000;

/**
 * Metrics of pictures against a reference, by their names in results.
 *
 * @param wanted what for; everything that they need is there.
 * @param dimensions D of the features.
 * @param onMetric told before each.
 * @throws {RangeError} for features of different dimensions or too few of them.
 */
export function imageMetrics(
  wanted: readonly ImageMetricName[],
  reference: PictureMeasurements | null,
  samples: PictureMeasurements,
  dimensions: number,
  onMetric: (name: ImageMetricName) => void = () => {},
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of imageMetricNames) {
    if (!wanted.includes(name)) continue;
    onMetric(name);
    if (name === "fid") found.fid = frechetDistance(reference!.statistics!, samples.statistics!);
    if (name === "is") {
      const { value, deviation } = samples.inceptionScore!;
      Object.assign(found, { inception_score: value, inception_score_deviation: deviation });
    }
    if (name === "kid") {
      const { value, deviation } = subsetKernelDistance(reference!.features!, samples.features!, dimensions);
      Object.assign(found, { kid: value, kid_deviation: deviation });
    }
    if (name === "prdc") {
      const draw = ({ features }: PictureMeasurements, side: number) =>
        drawVectors(features!, dimensions, mostPrdcVectors, [0, side]);
      Object.assign(found, prdc(draw(reference!, 0), draw(samples, 1), dimensions));
    }
  }
  return found;
}
