import type { Initializer } from "../nn/init.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import { mul } from "../ops/elementwise_binary.ts";
import { silu } from "../ops/elementwise_unary.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Hidden width of the feed-forward: two thirds of `4 dim`, rounded up to a multiple (LLaMA, arXiv 2302.13971). */
export function swigluWidth(dim: number, multipleOf: number): number {
  return Math.ceil(Math.floor((2 / 3) * 4 * dim) / multipleOf) * multipleOf;
}

/** The feed-forward of LLaMA, `w2(silu(w1 x) * w3 x)` (Shazeer 2020, arXiv 2002.05202), without biases. */
export class SwiGlu implements Module {
  /** `[F, C]`, the gate. */
  readonly w1: Projection;
  /** `[F, C]`, the value. */
  readonly w3: Projection;
  /** `[C, F]`, back. */
  readonly w2: Projection;

  /** C to `width` and back. */
  constructor(init: Initializer, dim: number, width: number) {
    this.w1 = new Projection(init, dim, width);
    this.w3 = new Projection(init, dim, width);
    this.w2 = new Projection(init, width, dim);
  }

  /** `[.., C] -> [.., C]`. */
  forward(x: Tensor): Tensor {
    return this.w2.forward(mul(silu(this.w1.forward(x)), this.w3.forward(x)));
  }

  parameters(): Map<string, Tensor> {
    const { w1, w3, w2 } = this;
    return nestParameters({ w1, w3, w2 });
  }
}
