import { featureMatrix } from "./feature_products.ts";
import { type CholeskyRows, pivotedCholesky } from "./pivoted_cholesky.ts";
import { rowProducts } from "./row_products.ts";
import { symmetricEigenvalues } from "./symmetric_eigenvalues.ts";

/** Mean and covariance of a set of feature vectors, in float64. */
export interface FrechetStatistics {
  /** `[D]`. */
  readonly mean: Float64Array;
  /** `[D, D]`, unbiased (divided by N - 1). */
  readonly covariance: Float64Array;
}

/**
 * Statistics of features `[N, D]`.
 *
 * @throws {RangeError} for fewer than two vectors, or a length that is no multiple of D.
 */
export function frechetStatistics(features: ArrayLike<number>, dimensions: number): FrechetStatistics {
  const count = features.length / dimensions;
  if (!Number.isInteger(count) || count < 2) {
    throw new RangeError(
      `Cannot take statistics of ${features.length} numbers: wanted at least 2 whole vectors of ${dimensions}`,
    );
  }
  const mean = new Float64Array(dimensions);
  for (let i = 0; i < features.length; i++) mean[i % dimensions]! += features[i]! / count;
  const covariance = new Float64Array(dimensions * dimensions);
  const centred = new Float64Array(dimensions);
  for (let n = 0; n < count; n++) {
    for (let d = 0; d < dimensions; d++) centred[d] = features[n * dimensions + d]! - mean[d]!;
    for (let i = 0; i < dimensions; i++) {
      const scaled = centred[i]! / (count - 1);
      for (let j = 0; j <= i; j++) covariance[i * dimensions + j]! += scaled * centred[j]!;
    }
  }
  for (let i = 0; i < dimensions; i++) {
    for (let j = 0; j < i; j++) covariance[j * dimensions + i] = covariance[i * dimensions + j]!;
  }
  return { mean, covariance };
}

/**
 * Squared Frechet (2-Wasserstein) distance between the normal distributions of two sets of features,
 *
 * `|m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2)) = .. - 2 tr((M M')^(1/2))`, `M = L1' L2`, `C1 = L1 L1'`, `C2 = L2 L2'`
 *
 * (Dowson and Landau 1982; on Inception features it is the FID of Heusel et al. 2017, arXiv 1706.08500). The product
 * `M M'` is symmetric and positive semidefinite and has the eigenvalues of `C1 C2` that are not 0: no complex root is
 * taken, and singular covariances, such as those of dead features, need no care. It is biased upwards by small sample
 * counts: compare equal counts only. 2,048 dimensions take about half a minute.
 *
 * @throws {RangeError} for statistics of different dimensions or with numbers that are not finite.
 */
export function frechetDistance(a: FrechetStatistics, b: FrechetStatistics): number {
  const n = a.mean.length;
  if (b.mean.length !== n) {
    throw new RangeError(
      `Cannot compare features of ${n} and ${b.mean.length} dimensions: take both from the same judge`,
    );
  }
  let distance = 0;
  for (const eigenvalue of eigenvaluesOfProduct(a.covariance, b.covariance, n)) {
    distance -= 2 * Math.sqrt(Math.max(0, eigenvalue));
  }
  for (let i = 0; i < n; i++) {
    distance += (a.mean[i]! - b.mean[i]!) ** 2 + a.covariance[i * n + i]! + b.covariance[i * n + i]!;
  }
  return Math.max(0, distance);
}

/** Eigenvalues of the product of two covariances but for those that are 0 because one of them is singular. */
function eigenvaluesOfProduct(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const action = "take the Frechet distance";
  const [small, large] = [pivotedCholesky(a, n), pivotedCholesky(b, n)].sort((one, other) => one.rank - other.rank) as [
    CholeskyRows,
    CholeskyRows,
  ];
  if (small.rank === 0) return new Float64Array();
  const product = rowProducts(featureMatrix(action, small.rows, n), featureMatrix(action, large.rows, n));
  const m = featureMatrix(action, product, large.rank);
  return symmetricEigenvalues(rowProducts(m, m), small.rank);
}
