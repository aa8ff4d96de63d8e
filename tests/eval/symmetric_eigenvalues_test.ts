import assert from "node:assert/strict";
import { symmetricEigen } from "../../src/eval/symmetric_eigen.ts";
import { symmetricEigenvalues } from "../../src/eval/symmetric_eigenvalues.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";

const sorted = (values: Float64Array) => values.toSorted();

function randomSymmetric(n: number, rank: number, seed: number): Float64Array {
  const random = seededRandom(seed), matrix = new Float64Array(n * n);
  for (let k = 0; k < rank; k++) {
    const vector = Array.from({ length: n }, () => random() - 0.5), sign = k % 3 ? 1 : -1;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) matrix[i * n + j]! += sign * vector[i]! * vector[j]!;
    }
  }
  return matrix;
}

Deno.test("symmetricEigenvalues: small matrices by hand", () => {
  const cases: [number, number[], number[]][] = [
    [1, [3], [3]],
    [2, [2, 0, 0, -1], [-1, 2]],
    [2, [1, 1, 1, 1], [0, 2]],
    [3, [0, 0, 1, 0, 0, 0, 1, 0, 0], [-1, 0, 1]],
    [3, Array(9).fill(0), [0, 0, 0]],
    [3, [1, 2, 3, 2, 4, 6, 3, 6, 9], [0, 0, 14]],
    [2, [1e-30, 1e-30, 1e-30, 1e-30], [0, 2e-30]],
  ];
  for (const [n, matrix, values] of cases) {
    const found = sorted(symmetricEigenvalues(Float64Array.from(matrix), n));
    assertAllClose(
      found.map((value) => value / (values.at(-1) || 1)),
      values.map((v) => v / (values.at(-1) || 1)),
      1e-14,
    );
  }
});

Deno.test("symmetricEigenvalues: those of symmetricEigen, for full and singular matrices of many sizes", () => {
  for (const [n, rank] of [[2, 2], [5, 5], [17, 4], [64, 64], [40, 1], [31, 60]] as const) {
    const matrix = randomSymmetric(n, rank, n);
    assertAllClose(sorted(symmetricEigenvalues(matrix, n)), sorted(symmetricEigen(matrix, n).values), 1e-13, `${n}`);
  }
});

Deno.test("symmetricEigenvalues: rows of zeros, as of features that never fire, and separate blocks", () => {
  const n = 24, matrix = randomSymmetric(n, n, 9);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) if (i % 4 === 1 || j % 4 === 1 || (i < 12) !== (j < 12)) matrix[i * n + j] = 0;
  }
  assertAllClose(sorted(symmetricEigenvalues(matrix, n)), sorted(symmetricEigen(matrix, n).values), 1e-13);
});

Deno.test("symmetricEigenvalues refuses what is not finite", () => {
  for (const value of [NaN, Infinity]) {
    assert.throws(() => symmetricEigenvalues(Float64Array.of(value), 1), {
      name: "RangeError",
      message: "Cannot take eigenvalues of the matrix: it must be finite",
    });
  }
});
