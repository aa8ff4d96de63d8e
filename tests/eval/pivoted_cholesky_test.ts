import assert from "node:assert/strict";
import { pivotedCholesky } from "../../src/eval/pivoted_cholesky.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";

/** `a' a` of random rows `[rank, n]`. */
function semidefinite(rank: number, n: number): Float64Array {
  const random = seededRandom(rank), a = Float64Array.from({ length: rank * n }, () => random() - 0.5);
  return gram(a, rank, n);
}

function gram(a: Float64Array, rank: number, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += a[k * n + Math.floor(at / n)]! * a[k * n + at % n]!;
    return sum;
  });
}

Deno.test("pivotedCholesky: as many rows as the matrix has directions, whose products rebuild it", () => {
  for (const [rank, n] of [[1, 1], [3, 3], [4, 11], [40, 40], [0, 5]] as const) {
    const matrix = semidefinite(rank, n), found = pivotedCholesky(matrix, n);
    assert.equal(found.rank, rank);
    assertAllClose(gram(found.rows, rank, n), matrix, 1e-13, `rank ${rank} of ${n}`);
  }
});

Deno.test("pivotedCholesky: a matrix that is not finite", () => {
  assert.throws(() => pivotedCholesky(Float64Array.of(1, NaN, NaN, 1), 2), {
    name: "RangeError",
    message: "Cannot decompose the matrix: it must be finite",
  });
});
