/** Between the residual stream and the heads of attention. */
import { permute } from "../ops/permute.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `[B, T, C] -> [B, H, T, D]`. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, channels] = x.shape as [number, number, number];
  return permute(reshape(x, [batch, tokens, heads, channels / heads]), [0, 2, 1, 3]);
}

/** `[B, H, T, D] -> [B, T, C]`. */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, tokens, size] = x.shape as [number, number, number, number];
  return reshape(permute(x, [0, 2, 1, 3]), [batch, tokens, heads * size]);
}
