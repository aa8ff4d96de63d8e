import type { Initializer } from "../nn/init.ts";
import type { Module } from "../nn/module.ts";
import { argmax } from "../ops/argmax.ts";
import { add, maximum, mul, sub } from "../ops/elementwise_binary.ts";
import { rsqrt, square } from "../ops/elementwise_unary.ts";
import { embedding } from "../ops/embedding.ts";
import { matmul } from "../ops/matmul.ts";
import { mean, sum } from "../ops/reduce.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What {@link VqQuantizer} makes of vectors. */
export interface Quantized {
  /** i32 `[N]`, the nearest codes. */
  readonly codes: Tensor;
  /** `[N, D]`, the unit vectors that were quantised. */
  readonly vectors: Tensor;
  /** `[N, D]`, unit vectors of the codes; the gradient goes straight through to `vectors`. */
  readonly quantized: Tensor;
  /** `mean (code - stop(vector))^2`, which moves the codes. */
  readonly codebookLoss: Tensor;
  /** `mean (stop(code) - vector)^2`, which keeps the encoder close to its codes. */
  readonly commitmentLoss: Tensor;
}

/**
 * Vector quantisation on the unit sphere: a vector becomes the code of largest cosine, which for unit vectors is the
 * nearest one (van den Oord et al. 2017, arXiv 1711.00937; with `l2` normalisation Yu et al. 2021, arXiv 2110.04627).
 */
export class VqQuantizer implements Module {
  /** `[K, D]`; only the directions count. */
  readonly weight: Tensor;

  /** Draws random directions. */
  constructor(init: Initializer, codes: number, size: number) {
    this.weight = init.normal([codes, size], 1 / Math.sqrt(size));
  }

  /** `[N, D]` of any length, with the losses of training. */
  quantize(raw: Tensor): Quantized {
    const vectors = normalize(raw);
    const table = normalize(this.weight);
    const codes = nearest(vectors, table);
    const found = embedding(table, codes);
    return {
      codes,
      vectors,
      quantized: add(vectors, sub(found, vectors).detach()),
      codebookLoss: mean(square(sub(found, vectors.detach()))),
      commitmentLoss: mean(square(sub(found.detach(), vectors))),
    };
  }

  /** Vectors `[N, D]` of any length to the nearest codes, i32 `[N]`. */
  codesOf(raw: Tensor): Tensor {
    return nearest(normalize(raw), normalize(this.weight));
  }

  /** Codes, i32 `[..]`, to unit vectors `[.., D]`; an id that is no code gives zeros. */
  vectorsOf(codes: Tensor): Tensor {
    return embedding(normalize(this.weight), codes);
  }

  /** `embedding.weight`. */
  parameters(): Map<string, Tensor> {
    return new Map([["embedding.weight", this.weight]]);
  }
}

function nearest(vectors: Tensor, table: Tensor): Tensor {
  return argmax(matmul(vectors.detach(), table.detach(), { layout: "nt" }));
}

/** `x / max(|x|, 1e-12)` along the last axis. */
function normalize(x: Tensor): Tensor {
  return mul(x, rsqrt(maximum(sum(square(x), -1, true), 1e-24)));
}
