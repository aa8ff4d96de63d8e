import { featureMatrix, productTiles, tileSize } from "./feature_products.ts";
import { nearestSquared, type PrecisionRecall, squaredRadii } from "./precision_recall.ts";

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
  const realRadii = squaredRadii(realNearest, wide, k), wideRadii = squaredRadii(realNearest, wide);
  const fakeRadii = squaredRadii(nearestSquared(y, k), k);
  const fakeInside = new Uint8Array(y.count), realInside = new Uint8Array(x.count), covered = new Uint8Array(x.count);
  let claims = 0;
  for (const { row, rows, column, columns, products } of productTiles(x, y)) {
    for (let i = 0; i < rows; i++) {
      const norm = x.squaredNorms[row + i]!, radius = realRadii[row + i]!, wideRadius = wideRadii[row + i]!;
      for (let j = 0; j < columns; j++) {
        const squared = norm + y.squaredNorms[column + j]! - 2 * products[i * tileSize + j]!;
        if (squared <= radius) fakeInside[column + j] = 1;
        if (squared <= fakeRadii[column + j]!) realInside[row + i] = 1;
        if (squared > wideRadius) continue;
        covered[row + i] = 1;
        claims++;
      }
    }
  }
  return {
    precision: share(fakeInside),
    recall: share(realInside),
    density: claims / (wide * y.count),
    coverage: share(covered),
  };
}

function share(inside: Uint8Array): number {
  return inside.reduce((sum, flag) => sum + flag, 0) / inside.length;
}
