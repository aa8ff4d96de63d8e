import { UserError } from "../error.ts";
import { permutation } from "../tensor/philox.ts";
import type { Digits } from "./digits.ts";

/** Sizes that turn images into token sequences. */
export interface SequenceFormat {
  /** Number of grey levels, evenly spaced from black to white. */
  readonly levels: number;
  readonly classes: number;
}

/** A batch of sequences for teacher forcing, each `[B, T]`. */
export interface SequenceBatch {
  /** BOS of the class, then the pixels before the last. */
  readonly inputs: Int32Array;
  /** `t * classes + class`: where in the image of which class a pixel stands. */
  readonly places: Int32Array;
  /** The pixels. */
  readonly targets: Int32Array;
}

/** Grey level nearest to a byte. */
export function levelOf(byte: number, levels: number): number {
  return Math.round(byte * (levels - 1) / 255);
}

/** Byte that stands for a grey level: 0 for the first, 255 for the last. */
export function byteOf(level: number, levels: number): number {
  return Math.round(level * 255 / (levels - 1));
}

/** The sequences of some digits: `[BOS, x_0 .. x_(T-2)]` to predict `x_0 .. x_(T-1)`. */
export function sequenceBatch(digits: Digits, indices: ArrayLike<number>, format: SequenceFormat): SequenceBatch {
  const { levels, classes } = format;
  const pixels = digits.size ** 2;
  const length = indices.length * pixels;
  const inputs = new Int32Array(length), targets = new Int32Array(length);
  const labels = Array.from(indices, (index) => digits.labels[index]!);
  for (let b = 0; b < indices.length; b++) {
    const image = digits.images.subarray(indices[b]! * pixels, (indices[b]! + 1) * pixels);
    let before = levels + labels[b]!;
    for (let t = 0; t < pixels; t++) {
      inputs[b * pixels + t] = before;
      targets[b * pixels + t] = before = levelOf(image[t]!, levels);
    }
  }
  return { inputs, targets, places: placesOf(labels, pixels, classes) };
}

/** The places of whole images of the given classes, `[B, T]`. */
export function placesOf(labels: ArrayLike<number>, pixels: number, classes: number): Int32Array {
  return Int32Array.from({ length: labels.length * pixels }, (_, i) => {
    const t = i % pixels;
    return t * classes + labels[(i - t) / pixels]!;
  });
}

/** Endless shuffled batches: batch `n` is the same for the same seed, wherever one starts. */
export class Shuffler {
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();

  /**
   * Starts nowhere: any batch may be asked for first.
   *
   * @param batchSize at most `count`; what is left of an epoch is left out.
   * @throws {UserError} for a larger one.
   */
  constructor(private readonly count: number, private readonly batchSize: number, private readonly seed: number) {
    if (batchSize > count) {
      throw new UserError(
        `Cannot make batches of ${batchSize} from ${count} digits: lower the batch size, or raise data.train`,
      );
    }
  }

  /** Batches in an epoch. */
  get batchesPerEpoch(): number {
    return Math.floor(this.count / this.batchSize);
  }

  /** Indices of batch `n`, counted from 0. */
  batch(n: number): Uint32Array {
    const epoch = Math.floor(n / this.batchesPerEpoch), at = n % this.batchesPerEpoch;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#order = permutation(this.count, [this.seed, epoch]);
    }
    return this.#order.subarray(at * this.batchSize, (at + 1) * this.batchSize);
  }
}
