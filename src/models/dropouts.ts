import type { Tensor } from "../tensor/tensor.ts";

/** The places of a transformer where training drops channels. */
export interface Dropouts {
  /** After the embedding. */
  readonly token: (x: Tensor) => Tensor;
  /** After the attention's projection. */
  readonly residual: (x: Tensor) => Tensor;
  /** After the feed-forward. */
  readonly ffn: (x: Tensor) => Tensor;
}

const keep = (x: Tensor) => x;

/** Drops nothing: evaluation. */
export const noDropout: Dropouts = { token: keep, residual: keep, ffn: keep };
