/** Eigenvalues and eigenvectors, in no particular order. */
export interface SymmetricEigen {
  /** `[n]`. */
  readonly values: Float64Array;
  /** Row-major `[n, n]`: the eigenvectors are its columns. */
  readonly vectors: Float64Array;
}

/** Sweeps after which convergence is certain for any matrix of practical size; it takes about 10. */
const maxSweeps = 60;

/**
 * Eigendecomposition of a symmetric matrix, row-major `[n, n]`, by the cyclic Jacobi method (Golub and Van Loan, Matrix
 * Computations, section 8.5): rotations annihilate one off-diagonal pair after the other until their sum of squares is
 * below `1e-30` of the whole. O(n^3) a sweep; 128 dimensions take about 0.1 s.
 *
 * @throws {RangeError} for a matrix that is not finite.
 */
export function symmetricEigen(matrix: Float64Array, n: number): SymmetricEigen {
  const a = matrix.slice();
  // Rows of `rows` are the eigenvectors while rotating, so that both updates walk along memory.
  const rows = identity(n);
  const norm = a.reduce((sum, value) => sum + value * value, 0);
  if (!Number.isFinite(norm)) throw new RangeError("Cannot decompose the matrix: it must be finite");
  for (let sweep = 0; sweep < maxSweeps && offDiagonal(a, n) > 1e-30 * norm; sweep++) {
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) rotate(a, rows, n, p, q);
    }
  }
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) vectors[j * n + i] = rows[i * n + j]!;
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors };
}

/** Applies the rotation in the plane (p, q) that makes `a[p, q]` zero. */
function rotate(a: Float64Array, rows: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]!;
  if (apq === 0) return;
  const tau = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const c = 1 / Math.sqrt(1 + t * t), s = t * c;
  a[p * n + p]! -= t * apq;
  a[q * n + q]! += t * apq;
  a[p * n + q] = a[q * n + p] = 0;
  for (let k = 0; k < n; k++) {
    const vp = rows[p * n + k]!, vq = rows[q * n + k]!;
    rows[p * n + k] = c * vp - s * vq;
    rows[q * n + k] = s * vp + c * vq;
    if (k === p || k === q) continue;
    const ap = a[p * n + k]!, aq = a[q * n + k]!;
    a[p * n + k] = a[k * n + p] = c * ap - s * aq;
    a[q * n + k] = a[k * n + q] = s * ap + c * aq;
  }
}

function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) sum += 2 * a[i * n + j]! ** 2;
  }
  return sum;
}

function identity(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
}
