import { UserError } from "../error.ts";
import type { Digits } from "../data/digits.ts";
import { permutation, philox, unitFloat } from "../tensor/philox.ts";
import { negativeImage } from "./negative_images.ts";

const classes = 10;
/** Rows of a batch: digits, and after them pictures that are no digits. */
const digitRows = 64, negativeRows = 8;

/** How far digits are moved for training: each amount is drawn evenly between minus and plus the largest one. */
export interface Augmentation {
  /** Share of the digits that are moved; the others come as they are. */
  readonly share: number;
  /** Radians. */
  readonly rotation: number;
  /** Relative change of size. */
  readonly scale: number;
  /** Pixels sideways for each pixel down. */
  readonly shear: number;
  /** Eighths of the image. */
  readonly shift: number;
}

/** Enough for 8x8 pixels, where the strokes are no longer than a few pixels. */
export const gentle: Augmentation = { share: 0.5, rotation: 0.1, scale: 0.08, shear: 0.08, shift: 0.3 };

/**
 * Batches for training a judge, written into two host arrays that are used again and again: images `[B, S^2]` in [0, 1]
 * and target distributions `[B, 10]`. Every batch is a pure function of seed, epoch and number.
 *
 * A digit comes as it is or slightly rotated, scaled, sheared and shifted, with a one-hot target. A negative has the uniform distribution as target: what is no digit earns no confidence.
 */
export class JudgeBatches {
  /** Pictures in a batch. */
  readonly rows: number = digitRows + negativeRows;
  /** `[rows, S^2]`, values in [0, 1]. */
  readonly images: Float32Array;
  /** `[rows, 10]`, wanted probabilities. */
  readonly targets: Float32Array;
  /** Batches in an epoch; a rest of digits that fills none is left out. */
  readonly perEpoch: number;
  #order: Uint32Array = new Uint32Array();
  #epoch = -1;

  /**
   * Makes room for a batch.
   *
   * @param seed u32.
   * @throws {UserError} for fewer digits than a batch holds.
   */
  constructor(
    private readonly data: Digits,
    private readonly seed: number,
    private readonly augmentation: Augmentation = gentle,
  ) {
    if (data.count < digitRows) {
      throw new UserError(
        `Cannot train a judge on ${data.count} digits: wanted at least ${digitRows}; raise data.train`,
      );
    }
    this.images = new Float32Array(this.rows * data.size ** 2);
    this.targets = new Float32Array(this.rows * classes).fill(1 / classes);
    this.perEpoch = Math.floor(data.count / digitRows);
  }

  /** Writes batch `number` of `epoch`. */
  fill(epoch: number, number: number): void {
    if (epoch !== this.#epoch) this.#order = permutation(this.data.count, [this.seed, epoch]);
    this.#epoch = epoch;
    const { images, targets, data: { size, labels } } = this;
    const area = size * size;
    for (let row = 0; row < this.rows; row++) {
      const position = (number * digitRows + row) % this.data.count;
      const source = this.#order[position]!;
      const digit = this.data.images.subarray(source * area, (source + 1) * area);
      const out = images.subarray(row * area, (row + 1) * area);
      const key = [this.seed, epoch] as const;
      if (row >= digitRows) {
        negativeImage(digit, out, [number, row], key);
        continue;
      }
      const words = [...philox([number, row, 1, 0], key), ...philox([number, row, 2, 0], key)];
      augment(digit, out, size, this.augmentation, words);
      const target = targets.subarray(row * classes, (row + 1) * classes);
      target.fill(0)[labels[source]!] = 1;
    }
  }
}

/** Writes a digit, or a picture of it under a small random affine map, sampled bilinearly with zeros outside. */
function augment(
  digit: Uint8Array,
  out: Float32Array,
  size: number,
  most: Augmentation,
  [w0, w1, w2, w3, w4, w5]: readonly number[],
): void {
  if (unitFloat(w5!) < 1 - most.share) {
    for (let i = 0; i < out.length; i++) out[i] = digit[i]! / 255;
    return;
  }
  const around = (word: number | undefined, bound: number) => (2 * unitFloat(word!) - 1) * bound;
  const angle = around(w0, most.rotation), scale = 1 + around(w1, most.scale), shear = around(w2, most.shear);
  const cos = Math.cos(angle) / scale, sin = Math.sin(angle) / scale;
  const centre = (size - 1) / 2, shift = most.shift * size / 8;
  const shiftX = centre + around(w3, shift), shiftY = centre + around(w4, shift);
  const at = (x: number, y: number) => x < 0 || y < 0 || x >= size || y >= size ? 0 : digit[y * size + x]!;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const dy = i - centre, dx = j - centre + shear * dy;
      const x = cos * dx - sin * dy + shiftX, y = sin * dx + cos * dy + shiftY;
      const x0 = Math.floor(x), y0 = Math.floor(y), fx = x - x0, fy = y - y0;
      const above = (1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0);
      const below = (1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1);
      out[i * size + j] = ((1 - fy) * above + fy * below) / 255;
    }
  }
}
