import { featureMatrix, productTiles, tileSize } from "./feature_products.ts";
import type { FrechetStatistics } from "./frechet.ts";

/** Vectors that are summed at a time: enough of them that the sums stay out of the way of the products. */
const blockSize = 256;

/**
 * Mean and covariance of features that come in batches, in float64 and in memory that does not grow with them:
 * `frechetStatistics` of all of them. Sums are taken of differences from the first vector, so that a mean far from 0
 * costs no digits. 50,000 vectors of 2,048 take about a minute.
 */
export class RunningStatistics {
  #count = 0;
  #pending = 0;
  readonly #origin: Float64Array;
  /** Differences of the vectors that wait, `[D, blockSize]`; zeros behind them. */
  readonly #block: Float64Array;
  readonly #sum: Float64Array;
  /** Sums of products `[D, D]`, on and below the diagonal. */
  readonly #products: Float64Array;

  /** Nothing yet, of vectors of `dimensions`. */
  constructor(readonly dimensions: number) {
    this.#origin = new Float64Array(dimensions);
    this.#block = new Float64Array(dimensions * blockSize);
    this.#sum = new Float64Array(dimensions);
    this.#products = new Float64Array(dimensions * dimensions);
  }

  /** How many vectors came. */
  get count(): number {
    return this.#count;
  }

  /** Takes vectors `[N, D]`. @throws {RangeError} for a length that is no multiple of D, and for what is not finite. */
  add(features: ArrayLike<number>): void {
    const d = this.dimensions;
    if (features.length % d !== 0) {
      throw new RangeError(`Cannot add ${features.length} numbers to statistics: wanted whole vectors of ${d}`);
    }
    for (let start = 0; start < features.length; start += d) {
      if (this.#count++ === 0) { for (let i = 0; i < d; i++) this.#origin[i] = features[start + i]!; }
      for (let i = 0; i < d; i++) {
        const value = features[start + i]! - this.#origin[i]!;
        if (!Number.isFinite(value)) {
          throw new RangeError(`Cannot take statistics: features must be finite, vector ${this.#count - 1} is not`);
        }
        this.#sum[i]! += value;
        this.#block[i * blockSize + this.#pending] = value;
      }
      if (++this.#pending === blockSize) this.#flush();
    }
  }

  /** Mean, and covariance divided by N - 1. @throws {RangeError} for fewer than two vectors. */
  statistics(): FrechetStatistics {
    const count = this.#count, d = this.dimensions;
    if (count < 2) throw new RangeError(`Cannot take statistics: wanted at least 2 vectors, got ${count}`);
    this.#flush();
    const mean = this.#sum.map((value, i) => this.#origin[i]! + value / count);
    const covariance = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let j = 0; j <= i; j++) {
        const value = (this.#products[i * d + j]! - this.#sum[i]! * this.#sum[j]! / count) / (count - 1);
        covariance[i * d + j] = covariance[j * d + i] = value;
      }
    }
    return { mean, covariance };
  }

  #flush(): void {
    if (this.#pending === 0) return;
    const block = featureMatrix("take statistics", this.#block, blockSize), d = this.dimensions;
    for (const { row, rows, column, columns, products } of productTiles(block, block)) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          this.#products[(row + i) * d + column + j]! += products[i * tileSize + j]!;
        }
      }
    }
    this.#block.fill(0);
    this.#pending = 0;
  }
}
