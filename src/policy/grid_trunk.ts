import { Conv2d } from "../nn/conv2d.ts";
import { heGain, type Initializer } from "../nn/init.ts";
import { LayerNorm } from "../nn/layer_norm.ts";
import { Linear } from "../nn/linear.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { joinHeads, splitHeads } from "../models/heads.ts";
import { attention } from "../ops/attention.ts";
import { add } from "../ops/elementwise_binary.ts";
import { permute } from "../ops/permute.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The body of a network over the cells of a grid. */
export interface GridTrunk extends Module {
  /** Lets cells see each other: `[B, C, H, W] -> [B, C, H, W]`. */
  forward(x: Tensor): Tensor;
}

/** Residual 3x3 convolutions over the grid, `x + relu(conv x)` each. */
export class ConvTrunk implements GridTrunk {
  readonly #layers: readonly Conv2d[];

  /** Draws the first values. */
  constructor(init: Initializer, dim: number, layers: number) {
    const options = { padding: 1, relu: true };
    this.#layers = Array.from({ length: layers }, () => new Conv2d(init, dim, dim, 3, options, heGain));
  }

  forward(x: Tensor): Tensor {
    return this.#layers.reduce((image, layer) => add(image, layer.forward(image)), x);
  }

  /** `0.weight`, `0.bias`, `1.weight`, ... */
  parameters(): Map<string, Tensor> {
    return nestParameters(Object.fromEntries(this.#layers.entries()));
  }
}

/** Pre-norm blocks of self-attention over all cells, and a last norm. */
export class AttentionTrunk implements GridTrunk {
  readonly #blocks: readonly AttentionBlock[];
  readonly #norm: LayerNorm;

  /** Draws the first values. @param heads of attention, a divisor of C. */
  constructor(init: Initializer, dim: number, layers: number, heads: number) {
    this.#blocks = Array.from({ length: layers }, () => new AttentionBlock(init, dim, heads));
    this.#norm = new LayerNorm(init, dim);
  }

  forward(x: Tensor): Tensor {
    const [batch, dim, h, w] = x.shape as [number, number, number, number];
    const cells = permute(reshape(x, [batch, dim, h * w]), [0, 2, 1]);
    const seen = this.#norm.forward(this.#blocks.reduce((y, block) => block.forward(y), cells));
    return reshape(permute(seen, [0, 2, 1]), x.shape);
  }

  /** `0.attn_norm.weight`, ..., `norm.bias`. */
  parameters(): Map<string, Tensor> {
    return nestParameters({ ...Object.fromEntries(this.#blocks.entries()), norm: this.#norm });
  }
}

/** `y = x + proj(attention(norm x))`, then `y + down(relu(up(norm y)))` with a hidden width of 2 C. */
class AttentionBlock implements Module {
  readonly #parts: Record<"attn_norm" | "ffn_norm", LayerNorm> & Record<LinearPart, Linear>;

  constructor(init: Initializer, dim: number, private readonly heads: number) {
    const square = () => new Linear(init, dim, dim);
    this.#parts = {
      attn_norm: new LayerNorm(init, dim),
      to_q: square(),
      to_k: square(),
      to_v: square(),
      proj: square(),
      ffn_norm: new LayerNorm(init, dim),
      up: new Linear(init, dim, 2 * dim, heGain),
      down: new Linear(init, 2 * dim, dim),
    };
  }

  forward(x: Tensor): Tensor {
    const { attn_norm, to_q, to_k, to_v, proj, ffn_norm, up, down } = this.#parts;
    const normed = attn_norm.forward(x);
    const [q, k, v] = [to_q, to_k, to_v].map((part) => splitHeads(part.forward(normed), this.heads));
    const attended = add(x, proj.forward(joinHeads(attention(q!, k!, v!))));
    return add(attended, down.forward(up.forward(ffn_norm.forward(attended), "relu")));
  }

  parameters(): Map<string, Tensor> {
    return nestParameters(this.#parts);
  }
}

type LinearPart = "to_q" | "to_k" | "to_v" | "proj" | "up" | "down";
