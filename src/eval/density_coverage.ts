import { featureMatrix } from "./feature_products.ts";
import { compareBalls, nearestSquared, type PrecisionRecall, squaredRadii } from "./precision_recall.ts";

/** Precision and recall, and what outliers do not disturb. */
export interface Prdc extends PrecisionRecall {
  /** How many real balls a fake picture lies in, relative to a real picture's own: quality; may exceed 1. */
  readonly density: number;
  /** Share of real pictures with a fake one in their ball: diversity. */
  readonly coverage: number;
}

/** Neighbours that set the sizes of balls: 3 for precision and recall, 5 for density and coverage, as their papers. */
export const prdcNeighbours = { precision: 3, density: 5 } as const;

/**
 * Precision, recall, density and coverage of features, real `[M, D]` and fake `[N, D]`. Precision and recall are those of
 * `precisionRecall`. Density and coverage (Naeem et al. 2020, arXiv 2002.09797, equations 3 and 4) only look at balls of
 * the real set, so that a fake outlier's large ball counts for nothing:
 *
 * `density = sum_j #{i: |y_j - x_i| <= r_i} / (k N)`, `coverage = #{i: some |y_j - x_i| <= r_i} / M`.
 *
 * All depend on the numbers of vectors: compare sets of one size. 10,000 on either side of 2,048 dimensions take some
 * minutes.
 *
 * @throws {RangeError} for 5 vectors or fewer on a side, a length that is no multiple of D, and what is not finite.
 */
export function prdc(real: ArrayLike<number>, fake: ArrayLike<number>, dimensions: number): Prdc {
  const action = "take precision, recall, density and coverage", { precision: k, density: wide } = prdcNeighbours;
  const x = featureMatrix(action, real, dimensions), y = featureMatrix(action, fake, dimensions);
  const fewest = Math.min(x.count, y.count);
  if (fewest <= wide) {
    throw new RangeError(`Cannot ${action}: wanted at least ${wide + 1} vectors on either side, got ${fewest}`);
  }
  const realNearest = nearestSquared(x, wide);
  const radii = {
    real: squaredRadii(realNearest, wide, k),
    fake: squaredRadii(nearestSquared(y, k), k),
    wide: squaredRadii(realNearest, wide),
  };
  const { precision, recall, coverage, claims } = compareBalls(x, y, radii);
  return { precision, recall, density: claims / (wide * y.count), coverage };
}
