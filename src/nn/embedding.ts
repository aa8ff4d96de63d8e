import { embedding } from "../ops/embedding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Initializer } from "./init.ts";
import type { Module } from "./module.ts";

/** A table of vectors, weight `[V, C]`, as PyTorch's `nn.Embedding` stores it. */
export class Embedding implements Module {
  /** `[V, C]`. */
  readonly weight: Tensor;

  /** First values normal; a deviation of 1 is PyTorch's default. */
  constructor(init: Initializer, vocab: number, channels: number, deviation = 1) {
    this.weight = init.normal([vocab, channels], deviation);
  }

  /** i32 ids `[..]` to `[.., C]`, see the op `embedding`. */
  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }

  parameters(): Map<string, Tensor> {
    return new Map([["weight", this.weight]]);
  }
}
