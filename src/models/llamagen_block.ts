import type { Initializer } from "../nn/init.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import { RmsNorm } from "../nn/rms_norm.ts";
import { attention } from "../ops/attention.ts";
import { add } from "../ops/elementwise_binary.ts";
import { permute } from "../ops/permute.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Dropouts } from "./dropouts.ts";
import { joinHeads } from "./heads.ts";
import { type LlamaGenConfig, llamaGenSizes } from "./llamagen_config.ts";
import { SwiGlu } from "./swiglu.ts";

/** A transformer block of a {@link LlamaGen}: `h = x + attention(norm x)`, then `h + ffn(norm h)`. */
export class LlamaGenBlock implements Module {
  /** Queries, keys and values `[3 C, C]` in one, and the way back `[C, C]`. */
  readonly attention: { readonly wqkv: Projection; readonly wo: Projection };
  /** C to F and back. */
  readonly feed_forward: SwiGlu;
  /** Before the attention. */
  readonly attention_norm: RmsNorm;
  /** Before the feed-forward. */
  readonly ffn_norm: RmsNorm;

  /** Draws the first values. */
  constructor(init: Initializer, private readonly config: LlamaGenConfig) {
    const { dim } = config;
    this.attention = { wqkv: new Projection(init, dim, 3 * dim), wo: new Projection(init, dim, dim) };
    this.feed_forward = new SwiGlu(init, dim, llamaGenSizes(config).ffn);
    this.attention_norm = new RmsNorm(init, dim);
    this.ffn_norm = new RmsNorm(init, dim);
  }

  /**
   * Causal over the whole sequence, `[B, T, C] -> [B, T, C]`.
   *
   * @param rotate turns heads `[B, H, T, D]` at the cells of the tokens.
   */
  forward(x: Tensor, rotate: (heads: Tensor) => Tensor, dropout: Dropouts): Tensor {
    const { wqkv, wo } = this.attention;
    const [q, k, v] = this.#heads(wqkv.forward(this.attention_norm.forward(x)));
    const seen = joinHeads(attention(rotate(q), rotate(k), v, { visibility: "causal" }));
    const h = add(x, dropout.residual(wo.forward(seen)));
    return add(h, dropout.ffn(this.feed_forward.forward(this.ffn_norm.forward(h))));
  }

  /** Queries, keys and values of `[B, T, 3 C]`, each `[B, H, T, D]`. */
  #heads(qkv: Tensor): [Tensor, Tensor, Tensor] {
    const { dim, heads } = this.config;
    const [batch, tokens] = qkv.shape as [number, number];
    const shape = [batch, heads, tokens, dim / heads];
    const parts = permute(reshape(qkv, [batch, tokens, 3, heads, dim / heads]), [2, 0, 3, 1, 4]);
    const part = (which: number) => reshape(slice(parts, 0, which, which + 1), shape);
    return [part(0), part(1), part(2)];
  }

  /** `attention.wqkv.weight` to `ffn_norm.weight`. */
  parameters(): Map<string, Tensor> {
    const { attention: { wqkv, wo }, feed_forward, attention_norm, ffn_norm } = this;
    return nestParameters({ "attention.wqkv": wqkv, "attention.wo": wo, feed_forward, attention_norm, ffn_norm });
  }
}
