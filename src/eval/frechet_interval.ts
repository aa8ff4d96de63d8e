import { type BootstrapInterval, bootstrapInterval, type BootstrapOptions } from "./bootstrap.ts";
import { type FrechetStatistics, frechetStatistics } from "./frechet.ts";
import { symmetricEigen } from "./symmetric_eigen.ts";
import { symmetricEigenvalues } from "./symmetric_eigenvalues.ts";

/**
 * `frechetDistance` of resamples of pictures from a fixed reference, for {@link bootstrapInterval}: a function of how
 * often each of the features `[N, D]` is drawn.
 *
 * With the eigenvectors `V` and eigenvalues `L` of the reference's covariance, the root in the distance has the
 * eigenvalues of the covariance of `z = x V L^(1/2)`, so that a resample costs one weighted covariance and eigenvalues
 * without vectors. 2,000 pictures of 128 dimensions take about 18 ms a resample, a sixth of `frechetDistance` from the start.
 *
 * @throws {RangeError} for fewer than two vectors, a length that is no multiple of D, and a reference of other dimensions.
 */
export function frechetOfResamples(
  reference: FrechetStatistics,
  features: ArrayLike<number>,
  dimensions: number,
): (drawn: Uint32Array) => number {
  if (reference.mean.length !== dimensions) {
    throw new RangeError(
      `Cannot compare features of ${reference.mean.length} and ${dimensions} dimensions: take both from the same judge`,
    );
  }
  const { mean } = frechetStatistics(features, dimensions);
  const count = features.length / dimensions;
  const centred = Float64Array.from(features, (value, i) => value - mean[i % dimensions]!);
  const { scaled, rank } = turn(centred, dimensions, reference.covariance);
  const norms = Float64Array.from({ length: count }, (_, n) => {
    let sum = 0;
    for (let at = n * dimensions; at < (n + 1) * dimensions; at++) sum += centred[at]! ** 2;
    return sum;
  });
  let referenceTrace = 0;
  for (let i = 0; i < dimensions; i++) referenceTrace += reference.covariance[i * dimensions + i]!;
  return (drawn) => {
    const shift = weightedMean(centred, dimensions, drawn);
    let apart = 0, moved = 0, trace = 0;
    for (let d = 0; d < dimensions; d++) {
      apart += (mean[d]! + shift[d]! - reference.mean[d]!) ** 2;
      moved += shift[d]! ** 2;
    }
    for (let n = 0; n < count; n++) trace += drawn[n]! * norms[n]!;
    trace = (trace - count * moved) / (count - 1);
    let distance = apart + referenceTrace + trace;
    for (const value of symmetricEigenvalues(weightedCovariance(scaled, rank, drawn), rank)) {
      distance -= 2 * Math.sqrt(Math.max(0, value));
    }
    return Math.max(0, distance);
  };
}

/**
 * Bootstrap interval of `frechetDistance(reference, frechetStatistics(features))` over the pictures, the reference held
 * fixed. It is centred: it says how far the distance of as many other pictures may lie, and does not remove the upward
 * bias of small sets; compare sets of one size. 200 resamples of 2,000 pictures of 128 dimensions take about 4 s.
 *
 * @throws {RangeError} as {@link frechetOfResamples} and {@link bootstrapInterval}.
 */
export function frechetInterval(
  reference: FrechetStatistics,
  features: ArrayLike<number>,
  dimensions: number,
  options: BootstrapOptions,
): BootstrapInterval {
  const statistic = frechetOfResamples(reference, features, dimensions);
  return bootstrapInterval(features.length / dimensions, statistic, { centred: true, ...options });
}

/** `z = x V L^(1/2)`, `[N, rank]`: directions in which the reference does not vary are left out. */
function turn(x: Float64Array, dimensions: number, covariance: Float64Array): { scaled: Float64Array; rank: number } {
  const { values, vectors } = symmetricEigen(covariance, dimensions);
  const kept = [...values.keys()].filter((k) => values[k]! > 0), rank = kept.length;
  const basis = new Float64Array(dimensions * rank);
  for (let d = 0; d < dimensions; d++) {
    kept.forEach((k, j) => basis[d * rank + j] = vectors[d * dimensions + k]! * Math.sqrt(values[k]!));
  }
  const count = x.length / dimensions, scaled = new Float64Array(count * rank);
  for (let n = 0; n < count; n++) {
    const out = scaled.subarray(n * rank, (n + 1) * rank);
    for (let d = 0; d < dimensions; d++) {
      const factor = x[n * dimensions + d]!;
      for (let j = 0; j < rank; j++) out[j]! += factor * basis[d * rank + j]!;
    }
  }
  return { scaled, rank };
}

/** `[D]`, mean of vectors `[N, D]` that count `drawn` times each. */
function weightedMean(x: Float64Array, dimensions: number, drawn: Uint32Array): Float64Array {
  const mean = new Float64Array(dimensions);
  for (let n = 0; n < drawn.length; n++) {
    const weight = drawn[n]! / drawn.length;
    if (weight === 0) continue;
    for (let d = 0; d < dimensions; d++) mean[d]! += weight * x[n * dimensions + d]!;
  }
  return mean;
}

/** `[D, D]`, unbiased covariance of vectors `[N, D]` that count `drawn` times each; their plain mean is zero. */
function weightedCovariance(x: Float64Array, dimensions: number, drawn: Uint32Array): Float64Array {
  const count = drawn.length, covariance = new Float64Array(dimensions * dimensions);
  const mean = weightedMean(x, dimensions, drawn);
  for (let n = 0; n < count; n++) {
    const weight = drawn[n]! / (count - 1);
    // Pictures that were not drawn cost nothing: a third of them.
    if (weight > 0) addOuterProduct(covariance, x.subarray(n * dimensions, (n + 1) * dimensions), weight);
  }
  addOuterProduct(covariance, mean, -count / (count - 1));
  for (let i = 0; i < dimensions; i++) {
    for (let j = 0; j < i; j++) covariance[j * dimensions + i] = covariance[i * dimensions + j]!;
  }
  return covariance;
}

/** Adds `weight x x'` on and below the diagonal. */
function addOuterProduct(matrix: Float64Array, x: Float64Array, weight: number): void {
  const n = x.length;
  for (let i = 0; i < n; i++) {
    const factor = weight * x[i]!;
    for (let j = 0; j <= i; j++) matrix[i * n + j]! += factor * x[j]!;
  }
}
