import { Embedding } from "../nn/embedding.ts";
import type { Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Lstm } from "../nn/lstm.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { concat } from "../ops/concat.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { neg } from "../ops/elementwise_unary.ts";
import { embedding } from "../ops/embedding.ts";
import type { LstmState } from "../ops/lstm.ts";
import { reshape } from "../ops/reshape.ts";
import { sampleCategorical, type SampleOptions } from "../ops/sample_categorical.ts";
import { slice } from "../ops/slice.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Sizes of an {@link LstmGenerator}. */
export interface LstmGeneratorConfig {
  /** Grey levels, the ids 0 .. levels - 1. */
  readonly levels: number;
  /** Classes; class c begins with the id `levels + c`. None where 0: then every id is a level. */
  readonly classes: number;
  /** T, pixels of an image in raster order. */
  readonly pixels: number;
  /** H, size of embeddings and state. */
  readonly hidden: number;
  /** Layers of the LSTM. */
  readonly layers: number;
  /**
   * What the LSTM reads of a pixel: `plain` is the embedding of its value; `contextual` adds embeddings of the position
   * and the class, and the value as a number times a learned vector, so that nearness of grey levels, place and class
   * need not be learned through the recurrence.
   */
  readonly input: "plain" | "contextual";
}

/** The options of {@link LstmGenerator.generate}; the key's `step` is the pixel. */
export type GenerateOptions = Omit<SampleOptions, "key"> & { readonly key: Omit<SampleOptions["key"], "step"> };

/**
 * An autoregressive pixel generator: `p(x | class) = prod_t p(x_t | x_<t, class)` over the pixels in raster order, an
 * LSTM over `[BOS, x_0 .. x_(T-2)]` with a softmax over grey levels for `x_0 .. x_(T-1)`. BOS is an id of its own for
 * each class, not the id of black.
 */
export class LstmGenerator implements Module {
  /** `[levels + classes, H]`. */
  readonly embedding: Embedding;
  /** H to H. */
  readonly lstm: Lstm;
  /** H to levels. */
  readonly output: Linear;
  /** Position `[T, H]` and class `[C, H]` embeddings and the direction of the value `[1, H]`; contextual input only. */
  readonly context: { position: Embedding; class: Embedding; value: Embedding } | null;
  /** The value of each id as a number in [0, 1], `[levels + classes, 1]`; 0 for BOS. */
  readonly #ramp: Tensor;

  /** Draws the first values. */
  constructor(init: Initializer, readonly config: LstmGeneratorConfig) {
    const { levels, classes, pixels, hidden, layers, input } = config;
    this.embedding = new Embedding(init, levels + classes, hidden);
    this.lstm = new Lstm(init, hidden, hidden, layers);
    this.output = new Linear(init, hidden, levels);
    this.context = input === "plain" ? null : {
      position: new Embedding(init, pixels, hidden),
      class: new Embedding(init, classes, hidden),
      value: new Embedding(init, 1, hidden),
    };
    const ramp = Float32Array.from({ length: levels + classes }, (_, id) => id < levels ? id / (levels - 1) : 0);
    this.#ramp = init.device.parameter(ramp, [levels + classes, 1]);
    this.#ramp.requiresGrad = false;
  }

  /** Under PyTorch's names: `embedding.weight`, `lstm.weight_ih_l0`, ..., `output.bias`, `position.weight`, .... */
  parameters(): Map<string, Tensor> {
    return nestParameters({
      embedding: this.embedding,
      lstm: this.lstm,
      output: this.output,
      ...this.context,
    });
  }

  /**
   * Logits of the next pixel at every step.
   *
   * @param tokens i32 `[B, T]`: BOS and the pixels before the last.
   * @param places i32 `[B, T]`: `t * classes + class`, for the contextual input.
   * @returns logits `[B, T, levels]` and the LSTM's last state.
   */
  forward(tokens: Tensor, places: Tensor | null): { logits: Tensor; state: LstmState } {
    const { table, contexts } = this.#tables();
    let x = embedding(table, tokens);
    if (contexts && places) {
      const { pixels, classes, hidden } = this.config;
      x = add(x, embedding(reshape(contexts, [pixels * classes, hidden]), places));
    }
    const { y, state } = this.lstm.forward(x);
    return { logits: this.output.forward(y), state };
  }

  /**
   * Samples images pixel by pixel, all on the device.
   *
   * @param classes i32 `[B]`.
   * @param rowKeys i32 `[B]`: what distinguishes the random numbers of the images; the same key gives the same image in
   * any batch.
   * @returns pixels, i32 `[B, T]`, and the log-probabilities under the logits divided by the temperature, `[B, T]`.
   */
  generate(classes: Tensor, rowKeys: Tensor, options: GenerateOptions): { tokens: Tensor; logProbs: Tensor } {
    const { device } = classes;
    const { pixels, classes: count, hidden, levels } = this.config;
    const b = classes.size;
    return device.noGrad(() => {
      const { table, contexts } = this.#tables();
      const layers = this.lstm.frozenLayers();
      let x = embedding(slice(table, 0, levels, levels + count), classes);
      let state: LstmState | undefined;
      const columns: Tensor[] = [], logProbs: Tensor[] = [];
      const scale = options.temperature > 0 ? 1 / options.temperature : 1;
      for (let t = 0; t < pixels; t++) {
        if (contexts) x = add(x, embedding(reshape(slice(contexts, 0, t, t + 1), [count, hidden]), classes));
        const out = this.lstm.forward(reshape(x, [b, 1, hidden]), state, layers);
        state = out.state;
        const logits = reshape(this.output.forward(out.y), [b, levels]);
        const ids = sampleCategorical(logits, rowKeys, { ...options, key: { ...options.key, step: t } });
        columns.push(reshape(ids, [b, 1]));
        logProbs.push(reshape(neg(crossEntropy(scale === 1 ? logits : mul(logits, scale), ids)), [b, 1]));
        x = embedding(table, ids);
      }
      return { tokens: concat(columns, 1), logProbs: concat(logProbs, 1) };
    });
  }

  /** Vectors of the ids, and of position and class together: `[ids, H]` and `[T, classes, H]`. */
  #tables(): { table: Tensor; contexts: Tensor | null } {
    const { context, config: { pixels, classes, hidden } } = this;
    if (!context) return { table: this.embedding.weight, contexts: null };
    const { position, class: classTable, value } = context;
    return {
      // The value enters through the table: one small product instead of one for every pixel.
      table: add(this.embedding.weight, mul(this.#ramp, value.weight)),
      contexts: add(reshape(position.weight, [pixels, 1, hidden]), reshape(classTable.weight, [1, classes, hidden])),
    };
  }
}
