import { keepMask } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import type { Initializer } from "../nn/init.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import { RmsNorm } from "../nn/rms_norm.ts";
import { concat } from "../ops/concat.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { add, mul, sub } from "../ops/elementwise_binary.ts";
import { embedding } from "../ops/embedding.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { rotary2d, rotaryTable2d } from "../ops/rotary_2d.ts";
import { slice } from "../ops/slice.ts";
import type { RandomKey } from "../tensor/philox.ts";
import { requireRank, requireShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Dropouts, noDropout } from "./dropouts.ts";
import { guide } from "./guidance.ts";
import { LlamaGenBlock } from "./llamagen_block.ts";
import { type LlamaGenConfig, llamaGenSizes } from "./llamagen_config.ts";
import type { TokenModelSizes } from "./token_model_sizes.ts";
import { type LlamaGenDecodeOptions, LlamaGenDecoder, type LlamaGenImages } from "./llamagen_decoder.ts";

/** What training gives {@link LlamaGen.forward} besides tokens and classes. */
export interface LlamaGenForwardOptions {
  /** Of channels; see `keyedDropouts`. */
  readonly dropout?: Dropouts;
  /** Replaces each class by the null class with probability `rate`, so that guidance has something to lead away from. */
  readonly classDropout?: { readonly rate: number; readonly key: Omit<RandomKey, "purpose"> };
}

/** Purpose of the numbers of class dropout; `keyedDropouts` counts up from 0. */
const classPurpose = 2 ** 32 - 1;

/**
 * Class-conditional LlamaGen (arXiv 2406.06525), exactly as published, so that its weights load: a GPT over
 * `[class, x_0 .. x_(T-2)]` in raster order whose outputs predict `x_0 .. x_(T-1)`, with RMSNorm, SwiGLU and rotary
 * embedding of rows and columns; the class stands nowhere on the grid. Without biases.
 */
export class LlamaGen implements Module {
  /** What follows from the config. */
  readonly sizes: TokenModelSizes;
  /** `[classes + 1, C]`, the null class last. */
  readonly cls_embedding: { readonly embedding_table: Embedding };
  /** `[V, C]`. */
  readonly tok_embeddings: Embedding;
  /** From input to output. */
  readonly layers: readonly LlamaGenBlock[];
  /** Before the output. */
  readonly norm: RmsNorm;
  /** C to V. */
  readonly output: Projection;
  /** Angles of the grid's rows and columns, see `rotaryTable2d`. */
  readonly rotary: Tensor;
  /** i32 `[T]`: the cell of each token of the sequence, -1 for the class. */
  readonly #cells: Tensor;
  /** `[classes + 1, 1]`, ones: 0 when looked up for an id outside. */
  readonly #known: Tensor;

  /**
   * Draws the first values as published: the output begins with zeros, so that all tokens are equally likely.
   *
   * @throws {RangeError} for sizes that make no model.
   */
  constructor(init: Initializer, readonly config: LlamaGenConfig) {
    const { device } = init;
    const { dim, vocab, classes, cells, layers } = config;
    this.sizes = llamaGenSizes(config);
    this.cls_embedding = { embedding_table: new Embedding(init, classes + 1, dim, 0.02) };
    this.tok_embeddings = new Embedding(init, vocab, dim, 0.02);
    this.layers = Array.from({ length: layers }, () => new LlamaGenBlock(init, config));
    this.norm = new RmsNorm(init, dim);
    this.output = new Projection(init, dim, vocab, 0);
    const { width, headSize } = this.sizes;
    [this.rotary, this.#cells, this.#known] = device.persistent(() => [
      rotaryTable2d(device, width, headSize),
      device.tensor(Int32Array.from({ length: cells }, (_, slot) => slot - 1)),
      device.full([classes + 1, 1], 1),
    ]);
  }

  /**
   * Teacher forcing: logits `[B, T, V]`, of which row t predicts `tokens[.., t]`.
   *
   * @param tokens i32 `[B, T]` in raster order, all cells or the first of them.
   * @param classes i32 `[B]`; an id outside, such as -1, is the null class.
   * @throws {RangeError} for shapes or types that do not match.
   */
  forward(tokens: Tensor, classes: Tensor, options: LlamaGenForwardOptions = {}): Tensor {
    const { dropout = noDropout, classDropout } = options;
    const { cells, dim } = this.config;
    requireRank("LlamaGen", "tokens", tokens.shape, 2);
    const [batch, count] = tokens.shape as [number, number];
    if (count > cells) {
      throw new RangeError(`Cannot apply LlamaGen: an image has ${cells} tokens, got ${showShape(tokens.shape)}`);
    }
    requireShape("LlamaGen", "classes", classes.shape, [batch]);
    const first = reshape(this.classVectors(classes, classDropout), [batch, 1, dim]);
    let x = count === 1 ? first : concat([first, this.tok_embeddings.forward(slice(tokens, 1, 0, count - 1))], 1);
    x = dropout.token(x);
    const places = slice(this.#cells, 0, 0, count);
    const rotate = (heads: Tensor) => rotary2d(heads, places, this.rotary, this.sizes.width);
    for (const layer of this.layers) x = layer.forward(x, rotate, dropout);
    return this.output.forward(this.norm.forward(x));
  }

  /**
   * {@link forward} with classifier-free guidance, the logits that {@link generate} samples from:
   * see `guide`. Where s is 1 nothing is computed for the null class.
   */
  guidedLogits(tokens: Tensor, classes: Tensor, guidance: number): Tensor {
    const conditional = this.forward(tokens, classes);
    if (guidance === 1) return conditional;
    const none = tokens.device.full(classes.shape, this.config.classes, "i32");
    return guide(conditional, this.forward(tokens, none), guidance);
  }

  /** Mean cross entropy of the tokens, see {@link forward}. */
  loss(tokens: Tensor, classes: Tensor, options: LlamaGenForwardOptions = {}): Tensor {
    return mean(crossEntropy(this.forward(tokens, classes, options), tokens));
  }

  /**
   * Samples images token by token, all on the device; nothing is read. `LlamaGenPainter` does the same with few commands
   * where many batches of one size are wanted.
   *
   * @param classes i32 `[B]`; an id outside, such as -1, is the null class.
   * @param rowKeys i32 `[B]`: what distinguishes the random numbers of the images; the same key gives the same image in
   * any batch.
   */
  generate(classes: Tensor, rowKeys: Tensor, options: LlamaGenDecodeOptions): LlamaGenImages {
    return classes.device.noGrad(() => {
      using scope = classes.device.scope();
      const decoder = new LlamaGenDecoder(this, classes, rowKeys, options);
      decoder.begin();
      for (let cell = 1; cell < this.config.cells; cell++) decoder.next(cell);
      const { tokens, logProbs, logits } = decoder.images;
      for (const tensor of [tokens, logProbs, ...(logits ? [logits] : [])]) scope.keep(tensor);
      return decoder.images;
    });
  }

  /** The vectors of classes i32 `[B]`, `[B, C]`; ids outside and dropped ones have that of the null class. */
  classVectors(classes: Tensor, dropped?: LlamaGenForwardOptions["classDropout"]): Tensor {
    const table = this.cls_embedding.embedding_table.weight;
    const { classes: count } = this.config;
    let known = embedding(this.#known, classes);
    if (dropped) {
      const { rate, key } = dropped;
      known = mul(known, keepMask(classes.device, known.shape, rate, { ...key, purpose: classPurpose }));
    }
    const none = slice(table, 0, count, count + 1);
    return add(mul(embedding(table, classes), known), mul(none, sub(1, known)));
  }

  /** Under the published names, `cls_embedding.embedding_table.weight` to `output.weight`. */
  parameters(): Map<string, Tensor> {
    const { cls_embedding: { embedding_table }, tok_embeddings, layers, norm, output } = this;
    return nestParameters({
      "cls_embedding.embedding_table": embedding_table,
      tok_embeddings,
      ...Object.fromEntries(layers.map((layer, l) => [`layers.${l}`, layer])),
      norm,
      output,
    });
  }
}
