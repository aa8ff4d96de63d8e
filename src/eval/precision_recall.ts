import { type FeatureMatrix, featureMatrix, productTiles, tileSize } from "./feature_products.ts";

/** How far two distributions cover each other. */
export interface PrecisionRecall {
  /** Share of fake pictures that lie among the real ones: their quality. */
  readonly precision: number;
  /** Share of real pictures that lie among the fake ones: their diversity. */
  readonly recall: number;
}

/**
 * Improved precision and recall of features, real `[M, D]` and fake `[N, D]` (Kynkaanniemi et al. 2019,
 * arXiv 1904.06991, equation 1). A set claims a ball around each of its vectors, out to its k-th nearest neighbour in the
 * set, itself not counted; precision is the share of fake vectors in at least one ball of the real set, recall the share
 * of real vectors in at least one of the fake set. Borders count as inside.
 *
 * Both depend on the numbers of vectors, which set the sizes of the balls: compare sets of one size.
 *
 * @param k the paper takes 3.
 * @throws {RangeError} for a k that is no whole number from 1 to one less than the vectors of a side, a length that is
 * no multiple of D, and numbers that are not finite.
 */
export function precisionRecall(
  real: ArrayLike<number>,
  fake: ArrayLike<number>,
  dimensions: number,
  k = 3,
): PrecisionRecall {
  const action = "take precision and recall";
  const x = featureMatrix(action, real, dimensions), y = featureMatrix(action, fake, dimensions);
  const fewest = Math.min(x.count, y.count);
  if (!Number.isInteger(k) || k < 1 || k >= fewest) {
    throw new RangeError(
      `Cannot ${action}: k must be a whole number from 1 to ${fewest - 1}, ` +
        `one less than the ${fewest} vectors of the smaller side, got ${k}`,
    );
  }
  const realRadii = squaredRadii(nearestSquared(x, k), k), fakeRadii = squaredRadii(nearestSquared(y, k), k);
  const { precision, recall } = compareBalls(x, y, { real: realRadii, fake: fakeRadii, wide: realRadii });
  return { precision, recall };
}

/** Squared radii of balls. */
export interface BallRadii {
  /** `[M]`, round the real vectors. */
  readonly real: Float64Array;
  /** `[N]`, round the fake ones. */
  readonly fake: Float64Array;
  /** `[M]`, round the real vectors once more, for coverage and claims. */
  readonly wide: Float64Array;
}

/** What lies in whose balls, in one pass over the pairs of real `[M, D]` and fake `[N, D]`. */
export function compareBalls(
  x: FeatureMatrix,
  y: FeatureMatrix,
  { real, fake, wide }: BallRadii,
): PrecisionRecall & {
  /** Share of the wide balls with a fake vector in them. */
  readonly coverage: number;
  /** Fake vectors in wide balls, one in several counted in each. */
  readonly claims: number;
} {
  const fakeInside = new Uint8Array(y.count), realInside = new Uint8Array(x.count), covered = new Uint8Array(x.count);
  let claims = 0;
  for (const { row, rows, column, columns, products } of productTiles(x, y)) {
    for (let i = 0; i < rows; i++) {
      const norm = x.squaredNorms[row + i]!, radius = real[row + i]!, wideRadius = wide[row + i]!;
      for (let j = 0; j < columns; j++) {
        const squared = norm + y.squaredNorms[column + j]! - 2 * products[i * tileSize + j]!;
        if (squared <= radius) fakeInside[column + j] = 1;
        if (squared <= fake[column + j]!) realInside[row + i] = 1;
        if (squared > wideRadius) continue;
        covered[row + i] = 1;
        claims++;
      }
    }
  }
  return { precision: share(fakeInside), recall: share(realInside), coverage: share(covered), claims };
}

/** Squared distances of each vector from its k nearest neighbours in the set, itself not counted, rising: `[N, k]`. */
export function nearestSquared(x: FeatureMatrix, k: number): Float64Array {
  const nearest = new Float64Array(x.count * k).fill(Infinity);
  for (const { row, rows, column, columns, products } of productTiles(x, x)) {
    for (let i = 0; i < rows; i++) {
      const a = row + i, norm = x.squaredNorms[a]!;
      const end = Math.min(columns, a - column);
      for (let j = 0; j < end; j++) {
        const b = column + j;
        const squared = norm + x.squaredNorms[b]! - 2 * products[i * tileSize + j]!;
        if (squared < nearest[a * k + k - 1]!) insert(nearest, a * k, k, squared);
        if (squared < nearest[b * k + k - 1]!) insert(nearest, b * k, k, squared);
      }
    }
  }
  return nearest;
}

/** The k-th of each vector's `most` nearest, `[N]`. */
export function squaredRadii(nearest: Float64Array, most: number, k = most): Float64Array {
  return Float64Array.from({ length: nearest.length / most }, (_, n) => nearest[n * most + k - 1]!);
}

/** Puts a value in its place among the k from `start` on; the largest falls out. */
function insert(sorted: Float64Array, start: number, k: number, value: number): void {
  let at = start + k - 1;
  for (; at > start && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!;
  sorted[at] = value;
}

function share(inside: Uint8Array): number {
  return inside.reduce((sum, flag) => sum + flag, 0) / inside.length;
}
