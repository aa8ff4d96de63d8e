import { ArpgDecoder } from "../models/arpg_decoder.ts";
import { cellOrder, type DecodeOrder, knownFirst } from "../models/decode_order.ts";
import type { DecodePlan, DecodeRequest } from "../models/decode_request.ts";
import { type DecodeSchedule, groupSizes } from "../models/decode_schedule.ts";
import type { Guidance, Sampling } from "../models/decode_step.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { slice } from "../ops/slice.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BatchMemory, pixelsBatch, tokensBatch } from "./painting_batch.ts";

/** How to paint. */
export interface PaintSettings extends Sampling {
  /** How many cells at each step. */
  readonly schedule: DecodeSchedule;
  /** Steps. */
  readonly steps: number;
  /** Where. */
  readonly order: DecodeOrder;
  /** Scale 1 for none. */
  readonly guidance: Guidance;
  /** u32: with the number of a picture it names all its random numbers. */
  readonly seed: number;
}

/** Pictures and how they came about. */
export interface Paintings {
  /** `[N, H, W, C]` bytes. */
  readonly images: Uint8Array;
  /** `[N, cells]` tokens in raster order. */
  readonly codes: Int32Array;
  /** `[N, cells]`: the step in which a cell was painted, -1 where it was known. */
  readonly painted: Int32Array;
}

/** Tokens to begin with, a row of cells a picture. */
export interface KnownCells {
  /** `[N, cells]` tokens. */
  readonly codes: Int32Array;
  /** `[N, cells]`: not 0 where the token is known and stays. */
  readonly mask: Uint8Array;
}

/** Pictures to paint, and whom to tell. */
export interface PaintOptions {
  /** Tokens to begin with. */
  readonly known?: KnownCells;
  /** Number of the first picture; default 0. */
  readonly first?: number;
  /** Called after every batch with the number of pictures that are done. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Paints pictures with a frozen ARPG and its tokenizer, batch by batch, as many at once as memory allows. A picture
 * depends on its number, label, known cells and the settings only, not on the others.
 */
export class ArpgPainter implements Disposable {
  #decoder: { readonly key: string; readonly decoder: ArpgDecoder } | null = null;

  readonly #memory: BatchMemory;

  /**
   * Allocates nothing yet.
   *
   * @param tokenizer that of the model's codes.
   * @param memoryBytes about what caches and activations of a batch may take; pictures are painted one by one where
   * they need more.
   */
  constructor(readonly model: FrozenArpg, readonly tokenizer: VqTokenizer, memoryBytes: number = 2 ** 30) {
    this.#memory = { bytes: memoryBytes, limits: model.device.gpu.adapter.device.limits };
  }

  /**
   * A picture for every label.
   *
   * @param labels classes; -1 for none.
   */
  async paint(
    labels: ArrayLike<number>,
    settings: PaintSettings,
    { known, first = 0, onProgress }: PaintOptions = {},
  ): Promise<Paintings> {
    const { cells } = this.model.config;
    const parts: Paintings[] = [];
    const batchSize = this.#batchSize(settings, known !== undefined);
    for (let start = 0; start < labels.length; start += batchSize) {
      const count = Math.min(batchSize, labels.length - start);
      const of = <A extends Int32Array | Uint8Array>(rows: A) =>
        rows.subarray(start * cells, (start + count) * cells) as A;
      const part = Int32Array.from({ length: count }, (_, i) => labels[start + i]!);
      const given = known && { codes: of(known.codes), mask: of(known.mask) };
      parts.push(await this.#paintBatch(part, settings, first + start, given));
      onProgress?.(start + count);
    }
    return {
      images: joined(parts.map(({ images }) => images), Uint8Array),
      codes: joined(parts.map(({ codes }) => codes), Int32Array),
      painted: joined(parts.map(({ painted }) => painted), Int32Array),
    };
  }

  /** Gives the decoder's memory back. */
  [Symbol.dispose](): void {
    this.#decoder?.decoder.dispose();
    this.#decoder = null;
  }

  async #paintBatch(
    classes: Int32Array,
    settings: PaintSettings,
    first: number,
    known?: KnownCells,
  ): Promise<Paintings> {
    const { device } = this.model;
    using _batch = device.scope();
    const { plan, request } = this.#plan(classes, settings, first, known);
    const { tokens, painted } = this.#decoderFor(classes.length, plan, settings).decode(request);
    const pictures: Tensor[] = [];
    const together = pixelsBatch(this.tokenizer.config, this.model.sizes.width, this.#memory);
    for (let start = 0; start < classes.length; start += together) {
      using part = device.scope(); // frees what the tokenizer computes on the way
      pictures.push(part.keep(this.#pixels(tokens, start, Math.min(classes.length, start + together))));
    }
    const [codes, steps, ...values] = await device.read([tokens, painted, ...pictures]);
    const images = pictures.map((picture, i) => bytesOf(values[i] as Float32Array, picture));
    return { images: joined(images, Uint8Array), codes: codes as Int32Array, painted: steps as Int32Array };
  }

  /** Pictures `[.., C, H, W]` of some rows of tokens `[B, cells]`. */
  #pixels(tokens: Tensor, start: number, end: number): Tensor {
    const whole = end - start === tokens.shape[0];
    return this.model.device.noGrad(() => this.tokenizer.decode(whole ? tokens : slice(tokens, 0, start, end)));
  }

  /** Pictures whose tokens are decoded together; with known cells, as many as fit if all but one were known. */
  #batchSize({ schedule, steps, guidance }: PaintSettings, known: boolean): number {
    const { model } = this, { cells } = model.config;
    const groups = groupSizes(schedule, steps, cells);
    const plan = known ? { steps, mostKnown: cells - 1, mostGroup: Math.max(...groups) } : { groups };
    return tokensBatch(model, plan, guidance.scale !== 1, this.#memory);
  }

  #plan(
    classes: Int32Array,
    { schedule, steps, order, seed }: PaintSettings,
    first: number,
    known: KnownCells | undefined,
  ): { plan: DecodePlan; request: DecodeRequest } {
    const { cells } = this.model.config;
    const batch = classes.length;
    const samples = Int32Array.from({ length: batch }, (_, b) => first + b);
    const orders = new Int32Array(batch * cells);
    for (let b = 0; b < batch; b++) {
      const own = cellOrder(order, cells, seed, first + b);
      orders.set(known ? knownFirst(own, known.mask.subarray(b * cells, (b + 1) * cells)) : own, b * cells);
    }
    const request = { classes, order: orders, samples, seed };
    if (!known) return { plan: { groups: groupSizes(schedule, steps, cells) }, request };
    const counts = Int32Array.from(
      { length: batch },
      (_, b) => known.mask.subarray(b * cells, (b + 1) * cells).reduce((sum, bit) => sum + Number(bit !== 0), 0),
    );
    const plans = [...counts].map((count) => count < cells ? groupSizes(schedule, steps, cells - count) : []);
    const groups = new Int32Array(steps * batch);
    plans.forEach((plan, b) => plan.forEach((group, t) => groups[t * batch + b] = group));
    const plan = { steps, mostKnown: Math.max(...counts), mostGroup: Math.max(1, ...plans.flat()) };
    return { plan, request: { ...request, groups, known: { tokens: known.codes, counts } } };
  }

  #decoderFor(batch: number, plan: DecodePlan, { temperature, topK, topP, guidance }: PaintSettings): ArpgDecoder {
    const sampling = { temperature, ...(topK ? { topK } : {}), ...(topP ? { topP } : {}) };
    const key = JSON.stringify([batch, plan, guidance, sampling]);
    if (this.#decoder?.key === key) return this.#decoder.decoder;
    this.#decoder?.decoder.dispose();
    const decoder = new ArpgDecoder(this.model, { batch, plan, guidance, ...sampling });
    this.#decoder = { key, decoder };
    return decoder;
  }
}

/** Values in [-1, 1] of `[B, C, H, W]` as bytes `[B, H, W, C]`. */
function bytesOf(values: Float32Array, { shape }: Tensor): Uint8Array {
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const area = height * width;
  const bytes = new Uint8ClampedArray(values.length);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      const from = (b * channels + c) * area;
      for (let i = 0; i < area; i++) bytes[(b * area + i) * channels + c] = (values[from + i]! + 1) * 127.5;
    }
  }
  return new Uint8Array(bytes.buffer);
}

function joined<A extends Uint8Array | Int32Array>(parts: readonly A[], type: { new (length: number): A }): A {
  const all = new type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
