import { dropout } from "../nn/dropout.ts";
import type { RandomKey } from "../tensor/philox.ts";
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

/** Shares of channels that {@link keyedDropouts} drops, each at least 0 and below 1. */
export interface DropoutRates {
  /** After the embedding. */
  readonly token: number;
  /** After the attention's projection. */
  readonly residual: number;
  /** After the feed-forward. */
  readonly ffn: number;
}

/** Dropouts of one forward pass: each call takes the next purpose of the key, from 0 on. */
export function keyedDropouts(rates: DropoutRates, key: Omit<RandomKey, "purpose">): Dropouts {
  let purpose = 0;
  const at = (rate: number) => (x: Tensor) => dropout(x, rate, { ...key, purpose: purpose++ });
  return { token: at(rates.token), residual: at(rates.residual), ffn: at(rates.ffn) };
}
