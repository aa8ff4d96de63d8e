import { matmul } from "../ops/matmul.ts";
import type { Epilogue } from "../ops/matmul_product.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Initializer } from "./init.ts";
import type { Module } from "./module.ts";

/** `y = act(x weight^T + bias)` with weight `[out, in]` and bias `[out]`, as PyTorch's `nn.Linear` stores them. */
export class Linear implements Module {
  /** `[out, in]`. */
  readonly weight: Tensor;
  /** `[out]`. */
  readonly bias: Tensor;

  /**
   * First values uniform within `1 / sqrt(in)`, PyTorch's default.
   *
   * @param gain factor on the first weights, for instance `heGain` before a ReLU.
   */
  constructor(init: Initializer, inputs: number, outputs: number, gain = 1) {
    const bound = 1 / Math.sqrt(inputs);
    this.weight = init.uniform([outputs, inputs], gain * bound);
    this.bias = init.uniform([outputs], bound);
  }

  /** `[.., in] -> [.., out]`. @throws {RangeError} for another last size. */
  forward(x: Tensor, epilogue: Epilogue = "none"): Tensor {
    return matmul(x, this.weight, { layout: "nt", bias: this.bias, epilogue });
  }

  parameters(): Map<string, Tensor> {
    return new Map([["weight", this.weight], ["bias", this.bias]]);
  }
}
