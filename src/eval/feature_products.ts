/** Feature vectors on the host, ready for {@link productTiles}. */
export interface FeatureMatrix {
  /** `[N, D]` in float64, followed by rows of zeros up to a whole number of register tiles. */
  readonly values: Float64Array;
  /** N. */
  readonly count: number;
  /** D. */
  readonly dimensions: number;
  /** `[N]`, squared Euclidean norms, summed in the order of the products: `|a|^2 - 2 a.a + |a|^2` is exactly 0. */
  readonly squaredNorms: Float64Array;
}

/** A square of the matrix of scalar products of two sets; the same object is filled again for the next one. */
export interface ProductTile {
  /** Number of its first vector in the first set. */
  row: number;
  /** Vectors of the first set. */
  rows: number;
  /** Number of its first vector in the second set. */
  column: number;
  /** Vectors of the second set. */
  columns: number;
  /** `[rows, tileSize]`; columns from `columns` on mean nothing. */
  readonly products: Float64Array;
}

/** Vectors on a side of a tile: two sides of 128 dimensions take 128 KB, which the second cache holds. */
export const tileSize = 64;

/** Vectors of the second set that a register tile takes; the first set gives half as many. */
const registerColumns = 4;

/**
 * Features `[N, D]` for {@link productTiles}.
 *
 * @param action what the features are wanted for, for the error.
 * @throws {RangeError} for a length that is no positive multiple of D, and for numbers that are not finite.
 */
export function featureMatrix(action: string, features: ArrayLike<number>, dimensions: number): FeatureMatrix {
  const count = features.length / dimensions;
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`Cannot ${action}: wanted whole vectors of ${dimensions}, got ${features.length} numbers`);
  }
  const values = new Float64Array(Math.ceil(count / registerColumns) * registerColumns * dimensions);
  values.set(features);
  const squaredNorms = new Float64Array(count);
  for (let n = 0; n < count; n++) {
    for (let at = n * dimensions; at < (n + 1) * dimensions; at++) squaredNorms[n]! += values[at]! * values[at]!;
    if (!Number.isFinite(squaredNorms[n])) {
      throw new RangeError(`Cannot ${action}: features must be finite, vector ${n} is not`);
    }
  }
  return { values, count, dimensions, squaredNorms };
}

/**
 * All scalar products `x_i . y_j` of two sets of one dimension, tile by tile. Of a set with itself (`x === y`) only the
 * tiles on and below the diagonal come: the others are their mirror images.
 *
 * Float64, each product summed in the order of the dimensions, with registers for 2 x 4 products so that a loaded number
 * serves several. 5,000 x 5,000 vectors of 128 take 3 s on a core of the machine that gives 6.5 s for plain loops.
 */
export function* productTiles(x: FeatureMatrix, y: FeatureMatrix): Generator<ProductTile, void, undefined> {
  const products = new Float64Array(tileSize * tileSize);
  const tile: ProductTile = { row: 0, rows: 0, column: 0, columns: 0, products };
  for (let row = 0; row < x.count; row += tileSize) {
    tile.row = row;
    tile.rows = Math.min(tileSize, x.count - row);
    for (let column = 0; column < (x === y ? row + 1 : y.count); column += tileSize) {
      tile.column = column;
      tile.columns = Math.min(tileSize, y.count - column);
      fill(tile, x.values, y.values, x.dimensions);
      yield tile;
    }
  }
}

function fill({ row, rows, column, columns, products }: ProductTile, x: Float64Array, y: Float64Array, d: number) {
  for (let i = 0; i < rows; i += 2) {
    const x0 = (row + i) * d, x1 = x0 + d;
    for (let j = 0; j < columns; j += registerColumns) {
      const y0 = (column + j) * d, y1 = y0 + d, y2 = y1 + d, y3 = y2 + d;
      let p00 = 0, p01 = 0, p02 = 0, p03 = 0, p10 = 0, p11 = 0, p12 = 0, p13 = 0;
      for (let k = 0; k < d; k++) {
        const a = x[x0 + k]!, b = x[x1 + k]!;
        const c0 = y[y0 + k]!, c1 = y[y1 + k]!, c2 = y[y2 + k]!, c3 = y[y3 + k]!;
        p00 += a * c0;
        p01 += a * c1;
        p02 += a * c2;
        p03 += a * c3;
        p10 += b * c0;
        p11 += b * c1;
        p12 += b * c2;
        p13 += b * c3;
      }
      const at = i * tileSize + j, below = at + tileSize;
      products[at] = p00;
      products[at + 1] = p01;
      products[at + 2] = p02;
      products[at + 3] = p03;
      products[below] = p10;
      products[below + 1] = p11;
      products[below + 2] = p12;
      products[below + 3] = p13;
    }
  }
}
