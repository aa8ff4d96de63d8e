import type { Scalar } from "../gpu/params.ts";
import { concat } from "../ops/concat.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { neg, silu } from "../ops/elementwise_unary.ts";
import { embedding } from "../ops/embedding.ts";
import { attendCache, cacheToken, type KvCache, makeKvCache } from "../ops/kv_cache.ts";
import { matmul } from "../ops/matmul.ts";
import { hasTiles, transposeInTexture } from "../ops/matmul_product.ts";
import { sampleCategorical, type SampleOptions } from "../ops/sample_categorical.ts";
import { slice } from "../ops/slice.ts";
import { storeColumn } from "../ops/store_column.ts";
import { requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { guide } from "./guidance.ts";
import type { LlamaGen } from "./llamagen.ts";
import type { LlamaGenBlock } from "./llamagen_block.ts";

/** How {@link LlamaGen.generate} samples; the key's `step` is the cell. */
export interface LlamaGenDecodeOptions extends Omit<SampleOptions, "key"> {
  /** Equal keys draw equal images. */
  readonly key: Omit<SampleOptions["key"], "step">;
  /** s of classifier-free guidance; default 1, none. */
  readonly guidance?: number;
  /** True to keep the guided logits. */
  readonly keepLogits?: boolean;
}

/** What {@link LlamaGen.generate} gives. */
export interface LlamaGenImages {
  /** i32 `[B, T]` in raster order. */
  readonly tokens: Tensor;
  /** Log-probabilities of the tokens under the guided logits divided by the temperature, `[B, T]`. */
  readonly logProbs: Tensor;
  /** Guided logits, `[B, T, V]`, where they are kept. */
  readonly logits: Tensor | null;
}

type Product = (x: Tensor) => Tensor;

/** A layer's products, its weights placed where kernels read them fastest. */
interface FrozenLayer {
  readonly block: LlamaGenBlock;
  readonly cache: KvCache;
  readonly products: Readonly<Record<"wqkv" | "wo" | "w1" | "w2" | "w3", Product>>;
}

/**
 * Decoding of a batch cell by cell, with the keys and values of earlier tokens in a cache. Each call of {@link begin} and
 * {@link next} only records kernels, so both can be captured; no kernel's choice depends on the size of the batch, so
 * that an image's bits do not either. Guidance decodes the batch twice over: with its classes, then with the null class.
 */
export class LlamaGenDecoder {
  /** Filled cell by cell. */
  readonly images: LlamaGenImages;
  /** i32 `[R, 1]`, the tokens of the last cell; R is B, or 2 B with guidance. */
  readonly #last: Tensor;
  readonly #caches: readonly KvCache[];
  readonly #guidance: number;
  #frozen: { readonly layers: readonly FrozenLayer[]; readonly output: Product } | null = null;

  /**
   * Allocates the caches and the images.
   *
   * @throws {RangeError} for classes and row keys of different lengths, or a guidance that is no number.
   */
  constructor(
    private readonly model: LlamaGen,
    private readonly classes: Tensor,
    private readonly rowKeys: Tensor,
    private readonly options: LlamaGenDecodeOptions,
  ) {
    const { device } = classes;
    const { cells, heads, vocab, layers } = model.config;
    const { guidance = 1, keepLogits } = options;
    if (!Number.isFinite(guidance)) throw new RangeError(`Cannot guide by ${guidance}: wanted a finite number`);
    const batch = classes.size;
    requireShape("LlamaGen", "classes", classes.shape, [batch]);
    requireShape("LlamaGen", "row keys", rowKeys.shape, [batch]);
    this.#guidance = guidance;
    const rows = guidance === 1 ? batch : 2 * batch;
    const { headSize } = model.sizes;
    this.#caches = Array.from({ length: layers }, () => makeKvCache(device, [rows, heads, cells, headSize]));
    this.#last = device.empty([rows, 1], "i32");
    this.images = {
      tokens: device.empty([batch, cells], "i32"),
      logProbs: device.empty([batch, cells]),
      logits: keepLogits ? device.empty([batch, cells, vocab]) : null,
    };
  }

  /** Paints the first cell, from the class. The weights are taken as they are now. */
  begin(): void {
    const { model, classes } = this;
    const { device } = classes;
    this.#frozen = {
      layers: model.layers.map((block, l) => {
        const { attention: { wqkv, wo }, feed_forward: { w1, w2, w3 } } = block;
        const frozen = Object.entries({ wqkv, wo, w1, w2, w3 }).map(([name, { weight }]) => [name, freeze(weight)]);
        return { block, cache: this.#caches[l]!, products: Object.fromEntries(frozen) };
      }),
      output: freeze(model.output.weight),
    };
    using _cell = device.scope();
    const own = model.classVectors(classes);
    const none = () => model.classVectors(device.full(classes.shape, model.config.classes, "i32"));
    this.#paint(this.#guidance === 1 ? own : concat([own, none()], 0), 0);
  }

  /** Paints the cell after those painted; in a captured step a `Scalar` counts from 1. */
  next(cell: number | Scalar): void {
    using _cell = this.classes.device.scope();
    const { weight } = this.model.tok_embeddings;
    this.#paint(embedding(weight, this.#last.view([this.#last.size])), cell);
  }

  /** Gives the memory of the caches and the images back. */
  dispose(): void {
    const { tokens, logProbs, logits } = this.images;
    for (const tensor of [tokens, logProbs, logits, this.#last]) tensor?.dispose();
    for (const { k, v } of this.#caches) {
      k.dispose();
      v.dispose();
    }
  }

  /** Predicts a cell from the token before it, `[R, C]`, and draws it. */
  #paint(token: Tensor, cell: number | Scalar): void {
    const { model, options, rowKeys, images } = this;
    const { layers, output } = this.#frozen!;
    const { temperature, key } = options;
    let x = token;
    for (const layer of layers) x = this.#layer(layer, x, cell);
    const logits = this.#guided(output(model.norm.forward(x)));
    const ids = sampleCategorical(logits, rowKeys, { ...options, key: { ...key, step: cell } });
    const scaled = temperature > 0 && temperature !== 1 ? mul(logits, 1 / temperature) : logits;
    storeColumn(images.tokens, cell, ids);
    storeColumn(images.logProbs, cell, neg(crossEntropy(scaled, ids)));
    if (images.logits) storeColumn(images.logits, cell, logits);
    storeColumn(this.#last, 0, this.#guidance === 1 ? ids : concat([ids, ids], 0));
  }

  #layer({ block, cache, products }: FrozenLayer, x: Tensor, slot: number | Scalar): Tensor {
    const { wqkv, wo, w1, w2, w3 } = products;
    const { rotary: table, sizes: { width } } = this.model;
    const q = cacheToken(wqkv(block.attention_norm.forward(x)), cache, { table, width }, slot);
    const h = add(x, wo(attendCache(q, cache, slot)));
    const normed = block.ffn_norm.forward(h);
    return add(h, w2(mul(silu(w1(normed)), w3(normed))));
  }

  #guided(logits: Tensor): Tensor {
    if (this.#guidance === 1) return logits;
    const batch = this.classes.size;
    return guide(slice(logits, 0, 0, batch), slice(logits, 0, batch, 2 * batch), this.#guidance);
  }
}

/** `x weight^T` for a weight `[out, in]` that many products read: transposed in a texture where tiles take it. */
function freeze(weight: Tensor): Product {
  if (!hasTiles(weight.device, weight.shape)) return (x) => matmul(x, weight, { layout: "nt" });
  using scope = weight.device.scope();
  const transposed = scope.keep(transposeInTexture(weight));
  return (x) => matmul(x, transposed);
}
