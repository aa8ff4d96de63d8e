import type { Scalar } from "../gpu/params.ts";

/**
 * Names the random numbers of one draw on the device: the Philox key is `(seed, stream)`, `step` and `purpose` are two
 * words of its counter. Equal keys repeat the draw on any adapter; a `Scalar` may change between replays of a step.
 */
export interface RandomKey {
  /** The run's seed, u32. */
  readonly seed: number | Scalar;
  /** Separates independent users of a seed, such as training and evaluation, u32. */
  readonly stream: number | Scalar;
  /** Number of the draw, such as the training or decoding step, u32. */
  readonly step: number | Scalar;
  /** What the numbers are for, so that two draws of one step differ, u32. */
  readonly purpose: number;
}

/** The fields of a key, for a kernel's params. */
export function keyParams({ seed, stream, step, purpose }: RandomKey): RandomKey {
  return { seed, stream, step, purpose };
}

/** Four 32-bit words. */
export type PhiloxWords = [number, number, number, number];

/**
 * Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), word for word the generator of
 * `shaders/lib/philox.wgsl`: four random u32 words for a counter and a key of u32 words.
 */
export function philox(counter: Readonly<PhiloxWords>, key: readonly [number, number]): PhiloxWords {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, c0), [high1, low1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** High and low word of a 32 x 32 bit product, from 16-bit halves: a double holds 53 bits. */
function multiply(a: number, b: number): [number, number] {
  const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = a0 * b1 + (middle & 0xffff);
  return [a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536), Math.imul(a, b) >>> 0];
}

/** A word as a number in the open interval (0, 1), exact in float32: `(floor(word / 512) + 1/2) / 2^23`. */
export function unitFloat(word: number): number {
  return ((word >>> 9) + 0.5) / 2 ** 23;
}

/**
 * A uniformly random order of `0 .. n - 1` (Fisher-Yates), the same for the same key.
 *
 * @param key seed and stream, such as the run's seed and the epoch.
 */
export function permutation(n: number, key: readonly [number, number]): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1, i, key);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** An unbiased integer in `[0, bound)`: words in the last, incomplete run of `bound` values are drawn again. */
function below(bound: number, draw: number, key: readonly [number, number]): number {
  const limit = 2 ** 32 - 2 ** 32 % bound;
  for (let attempt = 0;; attempt++) {
    const word = philox([draw, attempt, 0, 0], key).find((candidate) => candidate < limit);
    if (word !== undefined) return word % bound;
  }
}
