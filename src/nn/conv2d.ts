import { conv2d, type Conv2dOptions } from "../ops/conv2d.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Initializer } from "./init.ts";
import type { Module } from "./module.ts";

/** A convolution with weight `[out, in, size, size]` and bias `[out]`, as PyTorch's `nn.Conv2d` stores them. */
export class Conv2d implements Module {
  /** `[out, in, size, size]`. */
  readonly weight: Tensor;
  /** `[out]`. */
  readonly bias: Tensor;

  /**
   * First values uniform within `1 / sqrt(in size^2)`, PyTorch's default.
   *
   * @param gain factor on the first weights, for instance `heGain` before a ReLU.
   */
  constructor(
    init: Initializer,
    inputs: number,
    outputs: number,
    size: number,
    private readonly options: Conv2dOptions = {},
    gain = 1,
  ) {
    const bound = 1 / Math.sqrt(inputs * size * size);
    this.weight = init.uniform([outputs, inputs, size, size], gain * bound);
    this.bias = init.uniform([outputs], bound);
  }

  /** `[B, in, H, W] -> [B, out, YH, YW]`, see the op `conv2d`. @throws {RangeError} for shapes that do not fit. */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }

  parameters(): Map<string, Tensor> {
    return new Map([["weight", this.weight], ["bias", this.bias]]);
  }
}
