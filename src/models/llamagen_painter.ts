import { Scalar } from "../gpu/params.ts";
import type { Captured } from "../tensor/captured.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LlamaGen } from "./llamagen.ts";
import { type LlamaGenDecodeOptions, LlamaGenDecoder, type LlamaGenImages } from "./llamagen_decoder.ts";

/**
 * {@link LlamaGen.generate} for many batches of one size: the first cell and a later one are recorded once and replayed,
 * one submit a cell whatever the number of layers. Weights are taken anew for each batch.
 *
 * Memory is that of the scope in which it was made; `dispose` ends the recordings.
 */
export class LlamaGenPainter {
  /** Rewritten by every batch. */
  readonly images: LlamaGenImages;
  readonly #classes: Tensor;
  readonly #rowKeys: Tensor;
  readonly #cell = new Scalar(1);
  readonly #begin: Captured<void>;
  readonly #next: Captured<void>;

  /** @param batch images a batch. @throws {RangeError} for options out of range. */
  constructor(private readonly model: LlamaGen, batch: number, options: LlamaGenDecodeOptions) {
    const { device } = model.rotary;
    this.#classes = device.empty([batch], "i32");
    this.#rowKeys = device.empty([batch], "i32");
    const decoder = new LlamaGenDecoder(model, this.#classes, this.#rowKeys, options);
    this.images = decoder.images;
    this.#begin = device.noGrad(() => device.capture(() => decoder.begin()));
    this.#next = device.noGrad(() => device.capture(() => decoder.next(this.#cell)));
  }

  /**
   * Records a batch; read what is wanted of `images` after it.
   *
   * @param classes `[B]`; an id outside, such as -1, is the null class.
   * @param rowKeys `[B]`: what distinguishes the random numbers of the images.
   */
  replay(classes: Int32Array, rowKeys: Int32Array): void {
    this.#classes.write(classes);
    this.#rowKeys.write(rowKeys);
    this.#begin.replay();
    for (let cell = 1; cell < this.model.config.cells; cell++) {
      this.#cell.value = cell;
      this.#next.replay();
    }
  }

  /** The tokens of a batch, `[B, T]` row by row, with one readback. See {@link replay}. */
  async paint(classes: Int32Array, rowKeys: Int32Array): Promise<Int32Array> {
    this.replay(classes, rowKeys);
    return await this.images.tokens.data() as Int32Array;
  }

  /** Gives the memory of the recordings back. Doing so twice is harmless. */
  dispose(): void {
    this.#next.dispose();
    this.#begin.dispose();
  }
}
