import assert from "node:assert/strict";
import { frechetDistance, frechetStatistics } from "../../src/eval/frechet.ts";
import { symmetricEigen } from "../../src/eval/symmetric_eigen.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";

const normal = (mean: number[], covariance: number[]) => ({
  mean: Float64Array.from(mean),
  covariance: Float64Array.from(covariance),
});

function randomFeatures(count: number, dimensions: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count * dimensions }, () => random() + random() - 1);
}

Deno.test("symmetricEigen: rebuilds random, diagonal, repeated and singular matrices with orthonormal vectors", () => {
  const random = seededRandom(1);
  const rank1 = Array.from({ length: 9 }, (_, i) => (1 + Math.floor(i / 3)) * (1 + i % 3));
  const matrices: [number, number[]][] = [[1, [3]], [2, [2, 0, 0, -1]], [3, rank1], [2, [1, 1e-9, 1e-9, 1]], [
    3,
    Array(9).fill(0),
  ]];
  for (const n of [5, 17, 64]) {
    const matrix = Array.from({ length: n * n }, () => random() - 0.5);
    matrices.push([n, matrix.map((value, i) => value + matrix[i % n * n + Math.floor(i / n)]!)]);
  }
  for (const [n, matrix] of matrices) {
    const { values, vectors } = symmetricEigen(Float64Array.from(matrix), n);
    const product = (f: (k: number) => number, i: number, j: number) =>
      Array.from({ length: n }, (_, k) => f(k) * vectors[i * n + k]! * vectors[j * n + k]!).reduce((a, b) => a + b);
    const pairs = Array.from({ length: n * n }, (_, e) => [Math.floor(e / n), e % n] as const);
    assertAllClose(pairs.map(([i, j]) => product((k) => values[k]!, i, j)), matrix, 1e-12, `matrix of ${n}`);
    assertAllClose(pairs.map(([i, j]) => product(() => 1, i, j)), pairs.map(([i, j]) => i === j ? 1 : 0), 1e-12);
  }
  assert.throws(() => symmetricEigen(Float64Array.of(NaN), 1), {
    name: "RangeError",
    message: "Cannot decompose the matrix: it must be finite",
  });
});

Deno.test("frechetStatistics: mean and unbiased covariance", () => {
  const { mean, covariance } = frechetStatistics([1, 2, 3, 6, 5, 1], 2);
  assertAllClose(mean, [3, 3], 1e-15);
  assertAllClose(covariance, [4, -1, -1, 7], 1e-15);
  for (const features of [[1, 2], [1, 2, 3]]) {
    assert.throws(() => frechetStatistics(features, 2), {
      name: "RangeError",
      message: `Cannot take statistics of ${features.length} numbers: wanted at least 2 whole vectors of 2`,
    });
  }
});

Deno.test("frechetDistance: closed forms", () => {
  // Diagonal: sum of (m1 - m2)^2 + (s1 - s2)^2 over the axes.
  const diagonal = frechetDistance(
    normal([0, 1, 2], [4, 0, 0, 0, 9, 0, 0, 0, 0]),
    normal([1, 1, 0], [1, 0, 0, 0, 25, 0, 0, 0, 4]),
  );
  assertAllClose([diagonal], [1 + 0 + 4 + 1 + 4 + 4], 1e-12);
  // 2x2: tr (A B)^(1/2) = sqrt(tr AB + 2 sqrt(det A det B)).
  const [a, b] = [[2, 1, 1, 3], [4, -1, -1, 2]];
  const root = Math.sqrt((2 * 4 - 1) + (-1 + 3 * 2) + 2 * Math.sqrt(5 * 7));
  assertAllClose([frechetDistance(normal([0, 0], a!), normal([0, 3], b!))], [9 + 5 + 6 - 2 * root], 1e-12);
});

Deno.test("frechetDistance: zero for equal sets, symmetric, exact under a shift, singular covariances allowed", () => {
  const features = randomFeatures(300, 24, 1);
  features.forEach((_, i) => i % 24 === 5 && (features[i] = 0));
  const one = frechetStatistics(features, 24), other = frechetStatistics(randomFeatures(300, 24, 2), 24);
  assert.ok(frechetDistance(one, one) < 1e-9);
  assertAllClose([frechetDistance(one, other)], [frechetDistance(other, one)], 1e-9);
  const shifted = frechetStatistics(Float64Array.from(features, (value, i) => value + (i % 24 === 3 ? 2 : 0)), 24);
  assertAllClose([frechetDistance(one, shifted)], [4], 1e-9);
  const few = frechetStatistics(features.subarray(0, 72), 24);
  assert.ok(Number.isFinite(frechetDistance(few, one)));
  assert.throws(() => frechetDistance(one, frechetStatistics([1, 2], 1)), {
    name: "RangeError",
    message: "Cannot compare features of 24 and 1 dimensions: take both from the same judge",
  });
});
