import { Scalar } from "../gpu/params.ts";
import type { Captured } from "../tensor/captured.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LlamaGen } from "./llamagen.ts";
import { type LlamaGenDecodeOptions, LlamaGenDecoder, type LlamaGenImages } from "./llamagen_decoder.ts";

/**
 * {@link LlamaGen.generate} for many batches of one size: the first cell and a later one are recorded once and replayed,
 * one submit a cell whatever the number of layers. Weights are taken anew for each batch.
 *
 * ```ts
 * import { Device, Initializer, LlamaGen, LlamaGenPainter } from "@stipple/stipple";
 *
 * const device = await Device.open();
 * const sizes = { dim: 32, layers: 2, heads: 2, multiple_of: 32, vocab: 16, classes: 3, cells: 25 };
 * const model = new LlamaGen(new Initializer(device, 1), sizes); // loadParameters gives it trained weights
 * const key = { seed: 7, stream: 0, purpose: 0 };
 * const painter = new LlamaGenPainter(model, 2, { temperature: 1, topK: 8, guidance: 1.5, key });
 * const tokens = await painter.paint(Int32Array.of(0, 2), Int32Array.of(0, 1)); // images 0 and 1, of classes 0 and 2
 * if (tokens.length !== 2 * 25) throw new Error(`expected 25 tokens an image, got ${tokens.length / 2}`);
 * device.destroy();
 * ```
 *
 * Its memory goes back with the scope in which it was made, or with `dispose`.
 */
export class LlamaGenPainter implements Disposable {
  /** Rewritten by every batch. */
  readonly images: LlamaGenImages;
  readonly #classes: Tensor;
  readonly #rowKeys: Tensor;
  readonly #cell = new Scalar(1);
  readonly #seed: Scalar;
  readonly #decoder: LlamaGenDecoder;
  readonly #begin: Captured<void>;
  readonly #next: Captured<void>;

  /**
   * Records the two steps.
   *
   * @param batch images a batch.
   * @throws {RangeError} for options out of range.
   */
  constructor(readonly model: LlamaGen, readonly batch: number, readonly options: LlamaGenDecodeOptions) {
    const { device } = model.rotary, { key } = options;
    this.#seed = key.seed instanceof Scalar ? key.seed : new Scalar(key.seed);
    this.#classes = device.empty([batch], "i32");
    this.#rowKeys = device.empty([batch], "i32");
    const decoder = this.#decoder = new LlamaGenDecoder(model, this.#classes, this.#rowKeys, {
      ...options,
      key: { ...key, seed: this.#seed },
    });
    this.images = decoder.images;
    this.#begin = device.noGrad(() => device.capture(() => decoder.begin()));
    this.#next = device.noGrad(() => device.capture(() => decoder.next(this.#cell)));
  }

  /**
   * Records a batch; read what is wanted of `images` after it.
   *
   * @param classes `[B]`; an id outside, such as -1, is the null class.
   * @param rowKeys `[B]`: what distinguishes the random numbers of the images.
   * @param seed u32, takes the place of the key's from now on.
   */
  replay(classes: Int32Array, rowKeys: Int32Array, seed?: number): void {
    if (seed !== undefined) this.#seed.value = seed;
    this.#classes.write(classes);
    this.#rowKeys.write(rowKeys);
    this.#begin.replay();
    for (let cell = 1; cell < this.model.config.cells; cell++) {
      this.#cell.value = cell;
      this.#next.replay();
    }
  }

  /** The tokens of a batch, `[B, T]` row by row, with one readback. See {@link replay}. */
  async paint(classes: Int32Array, rowKeys: Int32Array, seed?: number): Promise<Int32Array> {
    this.replay(classes, rowKeys, seed);
    return await this.images.tokens.data() as Int32Array;
  }

  /** Gives all memory back, that of `images` too. Doing so twice is harmless. */
  dispose(): void {
    this.#next.dispose();
    this.#begin.dispose();
    this.#decoder.dispose();
    this.#classes.dispose();
    this.#rowKeys.dispose();
  }

  /** {@link dispose}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
