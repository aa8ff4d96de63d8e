import { type FeatureMatrix, featureMatrix, productTiles, tileSize } from "./feature_products.ts";

/**
 * Kernel distance of two sets of features, real `[M, D]` and fake `[N, D]`: the unbiased squared maximum mean
 * discrepancy
 *
 * `sum_{i != j} k(x_i, x_j) / (M (M - 1)) + sum_{i != j} k(y_i, y_j) / (N (N - 1)) - 2 sum_{i,j} k(x_i, y_j) / (M N)`
 *
 * with the kernel `k(x, y) = (x . y / D + 1)^3`. On Inception features it is the KID (Binkowski et al. 2018,
 * arXiv 1801.01401, section 3), here over all samples instead of an average over subsets. It has no bias from small
 * counts, unlike the Frechet distance: sets of different sizes compare, and equal distributions give 0 in the mean, so
 * that small negative values are right.
 *
 * @throws {RangeError} for fewer than two vectors on a side, a length that is no multiple of D, and numbers that are not
 * finite.
 */
export function kernelDistance(real: ArrayLike<number>, fake: ArrayLike<number>, dimensions: number): number {
  const action = "take the kernel distance";
  const x = featureMatrix(action, real, dimensions), y = featureMatrix(action, fake, dimensions);
  for (const { count } of [x, y]) {
    if (count < 2) throw new RangeError(`Cannot ${action}: wanted at least 2 vectors on either side, got ${count}`);
  }
  return meanOverPairs(x) + meanOverPairs(y) - 2 * meanOverBoth(x, y);
}

/** Mean of the kernel over pairs of different vectors of a set. */
function meanOverPairs(x: FeatureMatrix): number {
  let sum = 0;
  for (const { row, rows, column, columns, products } of productTiles(x, x)) {
    for (let i = 0; i < rows; i++) {
      // On the diagonal only what lies below it.
      const end = Math.min(columns, row + i - column);
      for (let j = 0; j < end; j++) sum += cubic(products[i * tileSize + j]!, x.dimensions);
    }
  }
  return 2 * sum / (x.count * (x.count - 1));
}

function meanOverBoth(x: FeatureMatrix, y: FeatureMatrix): number {
  let sum = 0;
  for (const { rows, columns, products } of productTiles(x, y)) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) sum += cubic(products[i * tileSize + j]!, x.dimensions);
    }
  }
  return sum / (x.count * y.count);
}

/** The kernel of two vectors from their scalar product. */
function cubic(product: number, dimensions: number): number {
  const base = product / dimensions + 1;
  return base * base * base;
}
