import { Embedding } from "../nn/embedding.ts";
import type { Initializer } from "../nn/init.ts";
import { LayerNorm } from "../nn/layer_norm.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { argmax } from "../ops/argmax.ts";
import { add } from "../ops/elementwise_binary.ts";
import { embedding } from "../ops/embedding.ts";
import { matmul } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { requireRank, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { anyHighest, type ClipTextConfig } from "./clip_config.ts";
import { ClipEncoder, type ClipLinearMaker, trainableLinear } from "./clip_encoder.ts";
import { SplitEmbedding } from "./split_embedding.ts";

/**
 * The text transformer of a CLIP (Radford et al. 2021, arXiv 2103.00020, section 2.4): a token sees those before it, and
 * what the tower says is the state at the first end-of-text token. What stands behind it, such as padding, changes nothing.
 *
 * As HuggingFace has it: where the config's `eos_token_id` is 2, the first of the highest ids of a text is its end, and
 * a text without end is read at its first token.
 */
export class ClipTextTower implements Module {
  /** `[V, C]`. */
  readonly tokens: SplitEmbedding;
  /** `[L, C]`. */
  readonly positions: Embedding;
  /** The layers. */
  readonly encoder: ClipEncoder;
  /** After the layers. */
  readonly norm: LayerNorm;
  /** `[V, 1]`: largest where the text ends. */
  readonly #endness: Tensor;
  /** `[L, L]`, ones on the diagonal: the row of a position picks it. */
  readonly #picks: Tensor;

  /** Draws the first values, with OpenAI's deviations. */
  constructor(init: Initializer, readonly config: ClipTextConfig, linear: ClipLinearMaker = trainableLinear) {
    const { device } = init;
    const { hidden_size: width, vocab_size, max_position_embeddings: length, eos_token_id, layer_norm_eps } = config;
    this.tokens = new SplitEmbedding(init, vocab_size, width, 0.02);
    this.positions = new Embedding(init, length, width, 0.01);
    this.encoder = new ClipEncoder(init, config, linear);
    this.norm = new LayerNorm(init, width, layer_norm_eps);
    const endness = (id: number) => eos_token_id === anyHighest ? id : Number(id === eos_token_id);
    [this.#endness, this.#picks] = device.persistent(() => [
      device.tensor(Float32Array.from({ length: vocab_size }, (_, id) => endness(id)), [vocab_size, 1]),
      device.tensor(
        Float32Array.from({ length: length * length }, (_, i) => Number(i % (length + 1) === 0)),
        [length, length],
      ),
    ]);
  }

  /**
   * Ids, i32 `[B, l]` with l up to L, to `[B, C]`.
   *
   * @throws {RangeError} for ids of another shape or type.
   */
  forward(ids: Tensor): Tensor {
    requireRank("encodeText", "ids", ids.shape, 2);
    const [batch, count] = ids.shape as [number, number];
    const { max_position_embeddings: most, hidden_size: width } = this.config;
    if (count > most) {
      throw new RangeError(`Cannot apply encodeText: a text has at most ${most} tokens, got ${showShape(ids.shape)}`);
    }
    const embedded = add(this.tokens.forward(ids), slice(this.positions.weight, 0, 0, count));
    const states = this.encoder.forward(embedded, "causal");
    const end = argmax(reshape(embedding(this.#endness, ids), [batch, count]));
    const pick = slice(embedding(this.#picks, end), 1, 0, count);
    return this.norm.forward(reshape(matmul(reshape(pick, [batch, 1, count]), states), [batch, width]));
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const tensor of [...this.parameters().values(), this.#endness, this.#picks]) tensor.dispose();
  }

  /** Under HuggingFace's names, `embeddings.token_embedding.weight` to `final_layer_norm.bias`. */
  parameters(): Map<string, Tensor> {
    const { tokens, positions, encoder, norm } = this;
    return nestParameters({
      "embeddings.token_embedding": tokens,
      "embeddings.position_embedding": positions,
      encoder,
      final_layer_norm: norm,
    });
  }
}
