import type { Initializer } from "./init.ts";
import type { Module } from "./module.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Layer normalisation with learned gain and offset, weight and bias `[C]`, as PyTorch's `nn.LayerNorm` stores them. */
export class LayerNorm implements Module {
  /** `[C]`. */
  readonly weight: Tensor;
  /** `[C]`. */
  readonly bias: Tensor;

  /** First values 1 and 0. @param eps added to the variance. */
  constructor(init: Initializer, channels: number, readonly eps = 1e-5) {
    this.weight = init.ones([channels]);
    this.bias = init.uniform([channels], 0);
  }

  /** `[.., C] -> [.., C]`, see the op `layer_norm`. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.eps);
  }

  parameters(): Map<string, Tensor> {
    return new Map([["weight", this.weight], ["bias", this.bias]]);
  }
}
