import type { Initializer } from "../nn/init.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import { RmsNorm } from "../nn/rms_norm.ts";
import { attention, type AttentionOptions } from "../ops/attention.ts";
import { add } from "../ops/elementwise_binary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ArpgConfig, arpgSizes } from "./arpg_config.ts";
import type { Dropouts } from "./dropouts.ts";
import { joinHeads, splitHeads } from "./heads.ts";
import { SwiGlu } from "./swiglu.ts";

/** What a block needs to know about its tokens. */
export interface BlockContext {
  /** Rotates heads `[B, H, T, D]` at the cells of the tokens. */
  readonly rotate: (heads: Tensor) => Tensor;
  /** Which content a token sees. */
  readonly visibility: NonNullable<AttentionOptions["visibility"]>;
  /** Applied to what attention and feed-forward add to the residual stream. */
  readonly dropout: Dropouts;
}

/**
 * A layer of either pass: `x + attn(norm x)`, then `x + ffn(norm x)`. The first pass has keys and values of its own
 * tokens (`to_k`, `to_v`); the second takes those of the content, which all its layers share.
 */
export class ArpgBlock implements Module {
  /** `[C, C]` each: queries, the way back, and in the first pass keys and values. */
  readonly attn: {
    readonly to_q: Projection;
    readonly proj: Projection;
    readonly to_k?: Projection;
    readonly to_v?: Projection;
  };
  /** C to the hidden width and back. */
  readonly ffn: SwiGlu;
  /** Before the attention. */
  readonly attn_norm: RmsNorm;
  /** Before the feed-forward. */
  readonly ffn_norm: RmsNorm;

  /**
   * Draws the first values.
   *
   * @param ownKeys true in the first pass.
   */
  constructor(init: Initializer, private readonly config: ArpgConfig, ownKeys: boolean) {
    const { dim } = config;
    const square = () => new Projection(init, dim, dim);
    const toQ = square();
    this.attn = ownKeys ? { to_q: toQ, to_k: square(), to_v: square(), proj: square() } : { to_q: toQ, proj: square() };
    this.ffn = new SwiGlu(init, dim, arpgSizes(config).ffn);
    this.attn_norm = new RmsNorm(init, dim);
    this.ffn_norm = new RmsNorm(init, dim);
  }

  /**
   * `[B, T, C] -> [B, T, C]`.
   *
   * @param content rotated keys and values `[B, H, N, D]` in the second pass.
   */
  forward(x: Tensor, context: BlockContext, content?: { readonly k: Tensor; readonly v: Tensor }): Tensor {
    const { rotate, visibility, dropout } = context;
    const { to_q, to_k, to_v, proj } = this.attn;
    const heads = (y: Tensor) => splitHeads(y, this.config.heads);
    const normed = this.attn_norm.forward(x);
    const q = rotate(heads(to_q.forward(normed)));
    const { k, v } = content ?? { k: rotate(heads(to_k!.forward(normed))), v: heads(to_v!.forward(normed)) };
    const seen = joinHeads(attention(q, k, v, { visibility }));
    const attended = add(x, dropout.residual(proj.forward(seen)));
    return add(attended, dropout.ffn(this.ffn.forward(this.ffn_norm.forward(attended))));
  }

  /** `attn.to_q.weight` to `ffn_norm.weight`. */
  parameters(): Map<string, Tensor> {
    const { attn: { to_q, to_k, to_v, proj }, ffn, attn_norm, ffn_norm } = this;
    return nestParameters({
      "attn.to_q": to_q,
      ...(to_k && to_v ? { "attn.to_k": to_k, "attn.to_v": to_v } : {}),
      "attn.proj": proj,
      ffn,
      attn_norm,
      ffn_norm,
    });
  }
}
