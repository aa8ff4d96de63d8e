import { rmsNorm } from "../ops/rms_norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Initializer } from "./init.ts";
import type { Module } from "./module.ts";

/** Root-mean-square normalisation with a learned gain, weight `[C]`, as PyTorch's `nn.RMSNorm` stores it. */
export class RmsNorm implements Module {
  /** `[C]`. */
  readonly weight: Tensor;

  /** First values 1. @param eps added to the mean square. */
  constructor(init: Initializer, channels: number, readonly eps = 1e-5) {
    this.weight = init.ones([channels]);
  }

  /** `[.., C] -> [.., C]`, see the op `rms_norm`. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, this.eps);
  }

  parameters(): Map<string, Tensor> {
    return new Map([["weight", this.weight]]);
  }
}
