/** Rotations after which an eigenvalue has long converged; it takes about two. */
const maxRounds = 60;

/**
 * Eigenvalues of a symmetric matrix, row-major `[n, n]`, in no particular order: Householder reflections to tridiagonal
 * form, then implicit QL steps (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3). Accurate to rounding
 * errors of the largest. Without vectors a twentieth of the time of `symmetricEigen`: 128 dimensions take about 5 ms.
 *
 * @throws {RangeError} for a matrix that is not finite.
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const largest = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (!Number.isFinite(largest)) throw new RangeError("Cannot take eigenvalues of the matrix: it must be finite");
  const diagonal = new Float64Array(n), beside = new Float64Array(n);
  tridiagonalize(matrix.slice(), n, diagonal, beside);
  for (let first = 0; first < n; first++) {
    for (let round = 0; round < maxRounds; round++) {
      const last = endOfBlock(diagonal, beside, first, largest);
      if (last === first) break;
      qlStep(diagonal, beside, first, last);
    }
  }
  return diagonal;
}

/** Reflects `a` until `diagonal` and `beside` (one next to it, from position 0) hold all of it. */
function tridiagonalize(a: Float64Array, n: number, diagonal: Float64Array, beside: Float64Array): void {
  const v = new Float64Array(n), w = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    diagonal[k] = a[k * n + k]!;
    if (k === n - 1) break;
    // The row right of the diagonal: its reflection is (alpha, 0, .., 0).
    let squared = 0;
    for (let i = k + 1; i < n; i++) squared += (v[i] = a[k * n + i]!) ** 2;
    const alpha = v[k + 1]! > 0 ? -Math.sqrt(squared) : Math.sqrt(squared);
    beside[k] = alpha;
    const scale = squared - alpha * v[k + 1]!;
    if (scale === 0) continue;
    v[k + 1]! -= alpha;
    // With H = I - v v' / scale: H A H = A - v w' - w v' where w = p - v (p' v) / (2 scale) and p = A v / scale.
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += a[i * n + j]! * v[j]!;
      w[i] = sum / scale;
      along += w[i]! * v[i]!;
    }
    for (let i = k + 1; i < n; i++) w[i]! -= v[i]! * along / (2 * scale);
    for (let i = k + 1; i < n; i++) {
      const vi = v[i]!, wi = w[i]!;
      for (let j = k + 1; j < n; j++) a[i * n + j]! -= vi * w[j]! + wi * v[j]!;
    }
  }
}

/** Position of the last row that is still coupled to row `first`; couplings below rounding count as none. */
function endOfBlock(diagonal: Float64Array, beside: Float64Array, first: number, largest: number): number {
  let last = first;
  while (last < diagonal.length - 1) {
    const around = Math.abs(diagonal[last]!) + Math.abs(diagonal[last + 1]!);
    // The second bound is for blocks of zeros, whose rows have no size of their own to compare with.
    if (Math.abs(beside[last]!) <= Number.EPSILON * around + 1e-20 * largest) break;
    last++;
  }
  return last;
}

/** One QL step with Wilkinson's shift on the rows `first .. last`, by rotations from below. */
function qlStep(diagonal: Float64Array, beside: Float64Array, first: number, last: number): void {
  const half = (diagonal[first + 1]! - diagonal[first]!) / (2 * beside[first]!);
  const root = Math.sqrt(half * half + 1);
  const shift = diagonal[first]! - beside[first]! / (half + (half < 0 ? -root : root));
  let bulge = diagonal[last]! - shift, cosine = 1, sine = 1, moved = 0;
  for (let i = last - 1; i >= first; i--) {
    const f = sine * beside[i]!, b = cosine * beside[i]!;
    const r = Math.sqrt(f * f + bulge * bulge);
    beside[i + 1] = r;
    if (r === 0) {
      // The block falls apart here: the rest comes in the next step.
      diagonal[i + 1]! -= moved;
      beside[last] = 0;
      return;
    }
    sine = f / r;
    cosine = bulge / r;
    const above = diagonal[i + 1]! - moved;
    const turned = (diagonal[i]! - above) * sine + 2 * cosine * b;
    moved = sine * turned;
    diagonal[i + 1] = above + moved;
    bulge = cosine * turned - b;
  }
  diagonal[first]! -= moved;
  beside[first] = bulge;
  beside[last] = 0;
}
