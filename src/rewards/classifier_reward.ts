import type { Judge } from "../models/judge.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { add, maximum, mul } from "../ops/elementwise_binary.ts";
import { exp, neg } from "../ops/elementwise_unary.ts";
import { entropy } from "../ops/entropy.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PaintedImages, Reward } from "./reward.ts";

/** Form of {@link ClassifierReward}: p itself, or `1 + max(log p, -16) / 16` where p is too small to compare. */
export type ClassifierRewardForm = "probability" | "log_probability";

const floor = -16;

/**
 * Probability p of the wanted class under a judge, gated by how sure the judge is of any class:
 * `reward = p (1 - H / log C)` with H the entropy of the judge's C probabilities. The judge was trained to give equal
 * probabilities to pictures that are no digits, so the gate closes for them: noise earns about 0.01 instead of 0.1.
 */
export class ClassifierReward implements Reward {
  /** Name in the metrics. */
  readonly name = "classifier";

  /** A reward of what `judge` sees. */
  constructor(private readonly judge: Judge, private readonly form: ClassifierRewardForm) {}

  /** Rewards in [0, 1], `[N]`. */
  score({ images, classes }: PaintedImages): Tensor {
    const logits = this.judge.logits(images);
    const logp = neg(crossEntropy(logits, classes));
    const wanted = this.form === "probability" ? exp(logp) : add(mul(maximum(logp, floor), -1 / floor), 1);
    const gate = add(mul(entropy(logits), -1 / Math.log(logits.shape[1]!)), 1);
    return mul(wanted, gate);
  }
}
