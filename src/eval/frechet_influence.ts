import type { FrechetStatistics } from "./frechet.ts";
import { multiplySquare, symmetricFunction } from "./symmetric_function.ts";

/** How the Frechet distance of painted pictures from real ones answers to a single painted picture. */
export interface FrechetInfluence {
  /** m, mean of the painted, `[D]`. */
  readonly mean: Float64Array;
  /** `2 (m - m_r)`, `[D]`. */
  readonly slope: Float64Array;
  /** A, `[D, D]`. */
  readonly curvature: Float64Array;
  /** `tr(A C)`. */
  readonly offset: number;
  /** Standard deviation of the influence if the features were normal. */
  readonly spread: number;
}

/** Smallest eigenvalue that counts, as a share of the largest: directions in which nothing varies have no say. */
const leastShare = 1e-6;

/**
 * First-order influence of a picture with features f on the squared Frechet distance of painted pictures (mean m,
 * covariance C) from real ones (m_r, C_r):
 *
 * `I(f) = 2 (m - m_r)' (f - m) + (f - m)' A (f - m) - tr(A C)`, `A = 1 - T`,
 * `T = C_r^(1/2) (C_r^(1/2) C C_r^(1/2))^(-1/2) C_r^(1/2)`,
 *
 * the derivative of the distance when a little weight is moved to the picture. T is the optimal transport from the
 * painted to the real normal distribution (Dowson and Landau 1982), so that A stretches where pictures vary too much and
 * shrinks where they vary too little. Its mean over the painted pictures is 0; pictures above 0 raise the distance, and
 * leaving one of N out changes it by `-I / N` to first order.
 *
 * @throws {RangeError} for statistics of different dimensions.
 */
export function frechetInfluence(painted: FrechetStatistics, real: FrechetStatistics): FrechetInfluence {
  const n = painted.mean.length;
  if (real.mean.length !== n) {
    throw new RangeError(
      `Cannot compare features of ${n} and ${real.mean.length} dimensions: take both from the same judge`,
    );
  }
  const root = power(real.covariance, n, 0.5);
  const inner = multiplySquare(multiplySquare(root, painted.covariance, n), root, n);
  const curvature = multiplySquare(multiplySquare(root, power(inner, n, -0.5), n), root, n).map((value) => -value);
  for (let i = 0; i < n; i++) curvature[i * n + i]! += 1;
  const product = multiplySquare(curvature, painted.covariance, n);
  const slope = painted.mean.map((value, i) => 2 * (value - real.mean[i]!));
  let offset = 0, variance = 0;
  for (let i = 0; i < n; i++) {
    offset += product[i * n + i]!;
    for (let j = 0; j < n; j++) {
      variance += slope[i]! * painted.covariance[i * n + j]! * slope[j]! +
        2 * product[i * n + j]! * product[j * n + i]!;
    }
  }
  return { mean: painted.mean, slope, curvature, offset, spread: Math.sqrt(Math.max(variance, Number.MIN_VALUE)) };
}

/** A power of a positive semidefinite matrix, without the directions in which nothing varies. */
function power(matrix: Float64Array, n: number, exponent: number): Float64Array {
  return symmetricFunction(matrix, n, (value, largest) => value > leastShare * largest ? value ** exponent : 0);
}
