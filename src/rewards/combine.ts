import { clamp } from "../ops/clamp.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { exp, log } from "../ops/elementwise_unary.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How several rewards become one: the sum of `weight r`, or the product of `r^weight`. */
export type RewardCombination = "sum" | "product";

/** A reward's values and its weight. */
export interface WeightedScores {
  /** `[N]`. */
  readonly scores: Tensor;
  /** Factor in the sum, exponent in the product; taken as it is, not normalised. */
  readonly weight: number;
}

/** Least factor of a product: a reward of 0 would hide what the others say. */
const least = 1e-6;

/**
 * One reward of several, `[N]`. In a product, of values clamped to [1e-6, 1], no part can be traded for another: it is
 * near 0 where one of them is. An image with a reward of NaN gets NaN, which no advantage counts.
 *
 * @throws {RangeError} for no reward at all.
 */
export function combineRewards(parts: readonly WeightedScores[], combination: RewardCombination): Tensor {
  if (parts.length === 0) throw new RangeError("Cannot combine rewards: there is none; name one in the config");
  const product = combination === "product";
  const total = parts
    .map(({ scores, weight }) => mul(product ? log(clamp(scores, least, 1)) : scores, weight))
    .reduce((sum, part) => add(sum, part));
  return product ? exp(total) : total;
}
