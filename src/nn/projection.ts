import { matmul } from "../ops/matmul.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Initializer } from "./init.ts";
import type { Module } from "./module.ts";

/** `y = x weight^T` with weight `[out, in]`, as PyTorch's `nn.Linear(bias=False)` stores it. */
export class Projection implements Module {
  /** `[out, in]`. */
  readonly weight: Tensor;

  /** First values normal with the given deviation; 0.02 is that of GPT-2 and of the published ARPG and LlamaGen. */
  constructor(init: Initializer, inputs: number, outputs: number, deviation = 0.02) {
    this.weight = init.normal([outputs, inputs], deviation);
  }

  /** `[.., in] -> [.., out]`. @throws {RangeError} for another last size. */
  forward(x: Tensor): Tensor {
    return matmul(x, this.weight, { layout: "nt" });
  }

  parameters(): Map<string, Tensor> {
    return new Map([["weight", this.weight]]);
  }
}
