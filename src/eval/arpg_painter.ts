import type { Decoded } from "../models/arpg_decoder.ts";
import type { DecodePlan } from "../models/decode_request.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { slice } from "../ops/slice.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { HandPainting, handPlan, type PaintSettings } from "./hand_painting.ts";
import { type BatchMemory, pixelsBatch, tokensBatch } from "./painting_batch.ts";
import { pictureBytes } from "./picture_bytes.ts";
import { checkPolicy, PolicyPainting, policyPlan, type PolicySettings } from "./policy_painting.ts";
import { type KnownCells, knownCounts, type PictureBatch, type TokenPainting, tokenRequest } from "./token_painting.ts";

export type { KnownCells, PaintSettings, PolicySettings };

/** Pictures and how they came about. */
export interface Paintings {
  /** `[N, H, W, C]` bytes. */
  readonly images: Uint8Array;
  /** `[N, cells]` tokens in raster order. */
  readonly codes: Int32Array;
  /** `[N, cells]`: the step in which a cell was painted, -1 where it was known. */
  readonly painted: Int32Array;
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

/** A decoding, and what must be equal of two batches that it serves. */
interface Recorded {
  readonly key: string;
  readonly policy: DecodingPolicy | null;
  readonly painting: TokenPainting;
}

/**
 * Paints pictures with a frozen ARPG and its tokenizer, batch by batch, as many at once as memory allows. A picture
 * depends on its number, label, known cells and the settings only, not on the others.
 */
export class ArpgPainter implements Disposable {
  #recorded: Recorded | null = null;
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
   * A picture for every label, by rules made by hand or by a policy; with the same seed both draw the same random numbers
   * for the token of a cell.
   *
   * @param labels classes; -1 for none.
   * @throws {UserError} for a policy that is not for this model, or for other numbers of steps.
   */
  async paint(
    labels: ArrayLike<number>,
    settings: PaintSettings | PolicySettings,
    { known, first = 0, onProgress }: PaintOptions = {},
  ): Promise<Paintings> {
    if ("policy" in settings) checkPolicy(settings, this.model);
    const { cells } = this.model.config;
    const parts: Paintings[] = [];
    const batchSize = this.#batchSize(settings, known !== undefined);
    for (let start = 0; start < labels.length; start += batchSize) {
      const count = Math.min(batchSize, labels.length - start);
      const of = <A extends Int32Array | Uint8Array>(rows: A) =>
        rows.subarray(start * cells, (start + count) * cells) as A;
      const classes = Int32Array.from({ length: count }, (_, i) => labels[start + i]!);
      const given = known && { codes: of(known.codes), mask: of(known.mask) };
      parts.push(await this.#paintBatch(settings, { classes, first: first + start, known: given }));
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
    this.#recorded?.painting[Symbol.dispose]();
    this.#recorded = null;
  }

  async #paintBatch(settings: PaintSettings | PolicySettings, batch: PictureBatch): Promise<Paintings> {
    const { device } = this.model, { classes } = batch;
    using _batch = device.scope();
    const { tokens, painted } = this.#decode(settings, batch);
    const pictures: Tensor[] = [];
    const together = pixelsBatch(this.tokenizer.config, this.model.sizes.width, this.#memory);
    for (let start = 0; start < classes.length; start += together) {
      using part = device.scope(); // frees what the tokenizer computes on the way
      pictures.push(part.keep(this.#pixels(tokens, start, Math.min(classes.length, start + together))));
    }
    const [codes, steps, ...values] = await device.read([tokens, painted, ...pictures]);
    const images = pictures.map((picture, i) => pictureBytes(values[i] as Float32Array, picture.shape));
    return { images: joined(images, Uint8Array), codes: codes as Int32Array, painted: steps as Int32Array };
  }

  /** Pictures `[.., C, H, W]` of some rows of tokens `[B, cells]`. */
  #pixels(tokens: Tensor, start: number, end: number): Tensor {
    const whole = end - start === tokens.shape[0];
    return this.model.device.noGrad(() => this.tokenizer.decode(whole ? tokens : slice(tokens, 0, start, end)));
  }

  /** Pictures whose tokens are decoded together; with known cells, as many as fit if all but one were known. */
  #batchSize(settings: PaintSettings | PolicySettings, known: boolean): number {
    const { model } = this, { cells } = model.config;
    const plan = planOf(settings, cells, undefined);
    const mostGroup = "groups" in plan ? Math.max(...plan.groups) : plan.mostGroup;
    const given = known ? { steps: settings.steps, mostKnown: cells - 1, mostGroup } : plan;
    return tokensBatch(model, given, settings.guidance.scale !== 1, this.#memory);
  }

  #decode(settings: PaintSettings | PolicySettings, batch: PictureBatch): Decoded {
    const { model } = this, { cells } = model.config;
    const { classes: { length }, known } = batch;
    const policy = "policy" in settings ? settings.policy : null;
    const counts = known && knownCounts(known, cells);
    // A recording serves all seeds and orders; a policy is known by itself.
    const recorded = { ...settings, policy: null, seed: null, order: null, orderSeed: null };
    const key = JSON.stringify([length, planOf(settings, cells, counts), recorded]);
    if (this.#recorded?.key !== key || this.#recorded.policy !== policy) {
      this[Symbol.dispose](); // before the next one needs memory
      const painting = "policy" in settings
        ? new PolicyPainting(model, settings, length, counts)
        : new HandPainting(model, settings, length, counts);
      this.#recorded = { key, policy, painting };
    }
    const orders = policy ? { order: policy.config.prior.order, seed: settings.seed } : settings as PaintSettings;
    return this.#recorded.painting.decode(tokenRequest(batch, orders, cells));
  }
}

function planOf(
  settings: PaintSettings | PolicySettings,
  cells: number,
  known: Int32Array | undefined,
): DecodePlan {
  return "policy" in settings ? policyPlan(settings, cells, known) : handPlan(settings, cells, known);
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
