import { Shuffler } from "../data/pixel_sequences.ts";
import type { TokenCodes } from "../data/token_codes.ts";
import { permutation, philox, unitFloat } from "../tensor/philox.ts";

/** Philox streams of a training's batches: which words decide what. */
const streams = { order: 0x6f72, choice: 0x6368 };

/**
 * Batches for training an {@link Arpg}, written into host arrays that are used again and again. Batch n is a pure
 * function of the seed and n: shuffled images, a random crop of each (from
 * some batch on the first, where that is wanted), a random order for each sample (section 3.1 of
 * arXiv 2503.10568), and no class (-1) with the probability of the class dropout, for guidance.
 */
export class ArpgBatches {
  /** `[B, N]`. */
  readonly tokens: Int32Array;
  /** `[B]`. */
  readonly classes: Int32Array;
  /** `[B, N]`. */
  readonly order: Int32Array;
  /** Batches in a pass over the images. */
  readonly perEpoch: number;
  readonly #shuffler: Shuffler;

  /**
   * Starts nowhere: any batch may be asked for first.
   *
   * @throws {UserError} for fewer images than a batch holds.
   */
  constructor(
    private readonly data: TokenCodes,
    batchSize: number,
    private readonly classDropout: number,
    private readonly seed: number,
    /** The first batch that sees nothing but first crops: images as they are, where the others are augmentations. */
    private readonly cropsUntil = Infinity,
  ) {
    this.#shuffler = new Shuffler(data.labels.length, batchSize, seed);
    this.perEpoch = this.#shuffler.batchesPerEpoch;
    const [, , cells] = data.shape;
    this.tokens = new Int32Array(batchSize * cells);
    this.order = new Int32Array(batchSize * cells);
    this.classes = new Int32Array(batchSize);
  }

  /** Writes batch n, counted from 0. */
  fill(n: number): void {
    const { codes, labels, shape: [, crops, cells] } = this.data;
    const choices = n < this.cropsUntil ? crops : 1;
    this.#shuffler.batch(n).forEach((image, row) => {
      const [crop, dropped, orderSeed] = philox([row, n, 0, 0], [this.seed, streams.choice]);
      const from = (image * crops + Math.floor(unitFloat(crop) * choices)) * cells;
      this.tokens.set(codes.subarray(from, from + cells), row * cells);
      this.classes[row] = unitFloat(dropped) < this.classDropout ? -1 : labels[image]!;
      this.order.set(permutation(cells, [orderSeed, streams.order]), row * cells);
    });
  }
}
