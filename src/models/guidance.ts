import { add, mul, sub } from "../ops/elementwise_binary.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): logits led away from those of the null class,
 * `uncond + s (cond - uncond)`.
 *
 * @param scale s, a number or a tensor whose shape is broadcast to that of the logits.
 */
export function guide(conditional: Tensor, unconditional: Tensor, scale: number | Tensor): Tensor {
  return add(unconditional, mul(sub(conditional, unconditional), scale));
}
