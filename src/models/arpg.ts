import { Embedding } from "../nn/embedding.ts";
import type { Initializer } from "../nn/init.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import { RmsNorm } from "../nn/rms_norm.ts";
import { add } from "../ops/elementwise_binary.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { neg } from "../ops/elementwise_unary.ts";
import { embedding } from "../ops/embedding.ts";
import { contentSteps, orderTokens } from "../ops/order_tokens.ts";
import { rotary2d, rotaryTable2d } from "../ops/rotary_2d.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ArpgBlock, type BlockContext } from "./arpg_block.ts";
import { type ArpgConfig, type ArpgSizes, arpgSizes } from "./arpg_config.ts";
import { type Dropouts, noDropout } from "./dropouts.ts";
import { splitHeads } from "./heads.ts";

/** What {@link Arpg.forward} may be given besides tokens, classes and orders. */
export interface ArpgForwardOptions {
  /**
   * i32 `[B, N]`: the step in which the i-th cell of the order is painted, ascending. Default one cell a step. The logits
   * are then those that parallel decoding samples from: a cell sees the class and the tokens of earlier steps.
   */
  readonly steps?: Tensor;
  /** Of training. */
  readonly dropout?: Dropouts;
}

/** What {@link Arpg.forward} gives. */
export interface ArpgOutput {
  /** `[B, N, V]`: row i predicts the token of cell `order[.., i]`. */
  readonly logits: Tensor;
  /** i32 `[B, N]`, the tokens in the order of prediction. */
  readonly targets: Tensor;
}

/**
 * ARPG, autoregressive image generation with randomized parallel decoding (arXiv 2503.10568), exactly as published, so
 * that its weights load. Two passes: `self_dec` reads the content `[class, x_o1, .., x_o(N-1)]` causally; in `cross_dec`
 * a query for every cell, the mask embedding rotated at the cell it asks for, attends to keys and values made once of
 * the first pass's output. Queries do not see each other: any set of cells may be asked at once (section 3.2).
 */
export class Arpg implements Module {
  /** What follows from the config. */
  readonly sizes: ArpgSizes;
  /** `[V + classes + 3, C]`: tokens, mask, classes, null class, spare. */
  readonly embeddings: Embedding;
  /** `[N, C]` where positions are learned. */
  readonly positions: Embedding | null;
  /** The first pass. */
  readonly self_dec: readonly ArpgBlock[];
  /** The second pass. */
  readonly cross_dec: readonly ArpgBlock[];
  /** Of the first pass's output, and what makes keys and values of it. */
  readonly content: { readonly norm: RmsNorm; readonly to_k: Projection; readonly to_v: Projection };
  /** Before the head. */
  readonly norm: RmsNorm;
  /** C to V. */
  readonly head: Projection;
  /** Angles of the grid's rows and columns, see `rotaryTable2d`. */
  readonly rotary: Tensor;

  /** Draws the first values. @throws {RangeError} for sizes that make no model. */
  constructor(init: Initializer, readonly config: ArpgConfig) {
    const { dim, vocab, cells, position } = config;
    this.sizes = arpgSizes(config);
    const { rows, half, width, headSize } = this.sizes;
    this.embeddings = new Embedding(init, rows, dim, 0.02);
    this.positions = position === "learned" ? new Embedding(init, cells, dim, 0.02) : null;
    const blocks = (own: boolean) => Array.from({ length: half }, () => new ArpgBlock(init, config, own));
    this.self_dec = blocks(true);
    this.cross_dec = blocks(false);
    this.content = {
      norm: new RmsNorm(init, dim),
      to_k: new Projection(init, dim, dim),
      to_v: new Projection(init, dim, dim),
    };
    this.norm = new RmsNorm(init, dim);
    this.head = new Projection(init, dim, vocab);
    this.rotary = init.device.persistent(() => rotaryTable2d(init.device, width, headSize));
  }

  /**
   * Teacher forcing in any order.
   *
   * @param tokens i32 `[B, N]` in raster order.
   * @param classes i32 `[B]`; a negative one stands for no class, as guidance needs it.
   * @param order i32 `[B, N]`: the cells in the order in which they are painted, a permutation each row.
   * @throws {RangeError} for shapes or types that do not match.
   */
  forward(tokens: Tensor, classes: Tensor, order: Tensor, options: ArpgForwardOptions = {}): ArpgOutput {
    const { steps, dropout = noDropout } = options;
    const { heads } = this.config;
    const { content, cells, targets } = orderTokens(tokens, order, classes, this.sizes);
    const keySteps = steps && contentSteps(steps);
    const rotateAt = (at: Tensor) => (x: Tensor) => rotary2d(x, at, this.rotary, this.sizes.width);

    let x = dropout.token(this.#placed(this.embeddings.forward(content), cells));
    const reading: BlockContext = {
      rotate: rotateAt(cells),
      visibility: keySteps ? { querySteps: keySteps, keySteps } : "causal",
      dropout,
    };
    for (const block of this.self_dec) x = block.forward(x, reading);

    const normed = this.content.norm.forward(x);
    const k = reading.rotate(splitHeads(this.content.to_k.forward(normed), heads));
    const v = splitHeads(this.content.to_v.forward(normed), heads);
    const asking: BlockContext = {
      rotate: rotateAt(order),
      visibility: steps && keySteps ? { querySteps: steps, keySteps } : "causal",
      dropout,
    };
    let queries = this.queries(order);
    for (const block of this.cross_dec) queries = block.forward(queries, asking, { k, v });
    return { logits: this.head.forward(this.norm.forward(queries)), targets };
  }

  /**
   * `log p` of each token under the conditional that parallel decoding samples from, `[B, N]` in the order of painting.
   *
   * @param steps i32 `[B, N]`, see {@link ArpgForwardOptions}.
   */
  parallelLogProbs(tokens: Tensor, classes: Tensor, order: Tensor, steps: Tensor): Tensor {
    const { logits, targets } = this.forward(tokens, classes, order, { steps });
    return neg(crossEntropy(logits, targets));
  }

  /** What the second pass starts from: the mask embedding for every cell, `[.., C]` of cells i32 `[..]`. */
  queries(cells: Tensor): Tensor {
    const mask = embedding(this.embeddings.weight, cells.device.full(cells.shape, this.sizes.mask, "i32"));
    return this.#placed(mask, cells);
  }

  #placed(x: Tensor, cells: Tensor): Tensor {
    return this.positions ? add(x, this.positions.forward(cells)) : x;
  }

  /** Under the published names, `embeddings.weight` to `head.weight`, and `positions.weight` where it is learned. */
  parameters(): Map<string, Tensor> {
    const { embeddings, positions, self_dec, cross_dec, content, norm, head } = this;
    const layers: Record<string, Module> = {};
    self_dec.forEach((block, l) => layers[`layers.self_dec.${l}`] = block);
    cross_dec.forEach((block, l) => layers[`layers.cross_dec.${l}`] = block);
    const { norm: contentNorm, to_k, to_v } = content;
    return nestParameters({
      embeddings,
      ...(positions ? { positions } : {}),
      ...layers,
      "layers.norm": contentNorm,
      "layers.to_k": to_k,
      "layers.to_v": to_v,
      norm,
      head,
    });
  }
}
