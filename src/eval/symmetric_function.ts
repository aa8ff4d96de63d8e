import { symmetricEigen } from "./symmetric_eigen.ts";

/**
 * A function of a symmetric matrix `[n, n]`, `V f(L) V'` of its eigenvectors V and eigenvalues L, such as its root.
 *
 * @param f of an eigenvalue, given the largest of them too.
 */
export function symmetricFunction(
  matrix: Float64Array,
  n: number,
  f: (eigenvalue: number, largest: number) => number,
): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, n);
  const largest = Math.max(...values);
  const result = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    const value = f(values[k]!, largest);
    for (let i = 0; i < n; i++) {
      const scaled = value * vectors[i * n + k]!;
      for (let j = 0; j < n; j++) result[i * n + j]! += scaled * vectors[j * n + k]!;
    }
  }
  return result;
}

/** Product of two matrices `[n, n]`. */
export function multiplySquare(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const product = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k]!;
      for (let j = 0; j < n; j++) product[i * n + j]! += factor * b[k * n + j]!;
    }
  }
  return product;
}
