import { permutation } from "../tensor/philox.ts";
import { kernelDistance } from "./kid.ts";

/** A mean over parts, and how far they lie apart. */
export interface Spread {
  /** Mean of the parts. */
  readonly value: number;
  /** Their standard deviation; 0 of a single part. */
  readonly deviation: number;
}

/** Mean and population standard deviation of numbers, of which there is at least one. */
export function spreadOf(values: readonly number[]): Spread {
  const value = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - value) ** 2, 0) / values.length;
  return { value, deviation: Math.sqrt(variance) };
}

/**
 * Different vectors of `[N, D]` drawn at random, or all in their order where there are no more than `most`.
 *
 * @param key names the draw.
 */
export function drawVectors(
  features: Float32Array,
  dimensions: number,
  most: number,
  key: readonly [number, number],
): Float32Array {
  const count = features.length / dimensions;
  if (count <= most) return features;
  const drawn = new Float32Array(most * dimensions);
  permutation(count, key).subarray(0, most).forEach((from, to) =>
    drawn.set(features.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions)
  );
  return drawn;
}

/** Sets of up to this many vectors are compared whole. */
const wholeSet = 5000;
/** As in the KID's published code. */
const subsets = 100, subsetSize = 1000;

/**
 * `kernelDistance` of two sets: of all vectors where neither has more than 5,000, else the mean over 100 random subsets
 * of 1,000 of each (or all of a smaller side), as Binkowski et al. 2018 publish it. Both are unbiased, so that they
 * estimate the same number. 100 subsets of 2,048 dimensions take some minutes.
 *
 * @throws {RangeError} as `kernelDistance`.
 */
export function subsetKernelDistance(real: Float32Array, fake: Float32Array, dimensions: number, seed = 0): Spread {
  if (Math.max(real.length, fake.length) <= wholeSet * dimensions) {
    return { value: kernelDistance(real, fake, dimensions), deviation: 0 };
  }
  return spreadOf(Array.from({ length: subsets }, (_, subset) =>
    kernelDistance(
      drawVectors(real, dimensions, subsetSize, [seed, 2 * subset]),
      drawVectors(fake, dimensions, subsetSize, [seed, 2 * subset + 1]),
      dimensions,
    )));
}
