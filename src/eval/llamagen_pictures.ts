import type { LlamaGenPainter } from "../models/llamagen_painter.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { slice } from "../ops/slice.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { typicalTime } from "./method_pictures.ts";
import { pictureBytes } from "./picture_bytes.ts";

/** Pictures of a LlamaGen. */
export interface LlamaGenPaintings {
  /** `[N, H, W, C]` bytes. */
  readonly images: Uint8Array;
  /** `[N, cells]` tokens in raster order. */
  readonly codes: Int32Array;
  /** Milliseconds a picture takes, tokens and pixels. */
  readonly milliseconds: number;
}

/** Paints pictures with a LlamaGen, whatever its weights are by then, and its tokenizer, in batches of the painter. */
export class LlamaGenPictures {
  /** @param together pictures whose pixels are decoded at once. */
  constructor(
    readonly painter: LlamaGenPainter,
    readonly tokenizer: VqTokenizer,
    private readonly together: number = Infinity,
  ) {}

  /**
   * A picture for every label. It depends on its number, label and the seed only, not on the others.
   *
   * @param labels classes; -1 for none.
   * @param seed u32.
   * @param onProgress called after every batch with the number of pictures that are done.
   */
  async paint(labels: Int32Array, seed: number, onProgress?: (done: number) => void): Promise<LlamaGenPaintings> {
    const { batch, model: { config: { cells } } } = this.painter;
    const images: Uint8Array[] = [], codes = new Int32Array(labels.length * cells);
    const times: { readonly size: number; readonly milliseconds: number }[] = [];
    for (let start = 0; start < labels.length; start += batch) {
      const since = performance.now(), size = Math.min(batch, labels.length - start);
      const classes = Int32Array.from({ length: batch }, (_, b) => labels[start + b] ?? -1);
      const found = await this.#paintBatch(classes, classes.map((_, b) => start + b), seed, size);
      images.push(...found.images);
      codes.set(found.codes.subarray(0, size * cells), start * cells);
      times.push({ size, milliseconds: (performance.now() - since) / size });
      onProgress?.(start + size);
    }
    const all = new Uint8Array(images.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of images) {
      all.set(part, at);
      at += part.length;
    }
    return { images: all, codes, milliseconds: typicalTime(times) };
  }

  async #paintBatch(classes: Int32Array, numbers: Int32Array, seed: number, size: number) {
    const { painter, tokenizer, together } = this, { device } = painter.images.tokens;
    using _batch = device.scope();
    painter.replay(classes, numbers, seed);
    const pictures: Tensor[] = [];
    for (let start = 0; start < size; start += together) {
      using part = device.scope(); // frees what the tokenizer computes on the way
      const some = slice(painter.images.tokens, 0, start, Math.min(size, start + together));
      pictures.push(part.keep(device.noGrad(() => tokenizer.decode(some))));
    }
    const [codes, ...values] = await device.read([painter.images.tokens, ...pictures]);
    const images = pictures.map(({ shape }, i) => pictureBytes(values[i] as Float32Array, shape));
    return { images, codes: codes as Int32Array };
  }
}
