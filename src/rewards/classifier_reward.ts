import type { Judge } from "../models/judge.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { add, maximum, mul } from "../ops/elementwise_binary.ts";
import { exp, neg } from "../ops/elementwise_unary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PaintedImages, Reward } from "./reward.ts";

/** Form of {@link ClassifierReward}: p itself, or its logarithm from `floor` = -16 up, scaled to [0, 1]. */
export type ClassifierRewardForm = "probability" | "log_probability";

const floor = -16;

/**
 * Probability of the wanted class under a judge: `p(class | image)`, or `1 + max(log p, -16) / 16` where p is too small
 * to compare. Pictures that are no digits do not pay: the judge was trained to give them equal probabilities.
 */
export class ClassifierReward implements Reward {
  readonly name = "classifier";

  /** Rewards by one judge, in one form. */
  constructor(private readonly judge: Judge, private readonly form: ClassifierRewardForm) {}

  /** `[N]` in [0, 1]. */
  score({ images, classes }: PaintedImages): Tensor {
    const logp = neg(crossEntropy(this.judge.logits(images), classes));
    return this.form === "probability" ? exp(logp) : add(mul(maximum(logp, floor), -1 / floor), 1);
  }
}
