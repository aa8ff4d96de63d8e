import { UserError } from "../error.ts";
import type { Sampling } from "../models/decode_step.ts";
import type { ClipRange } from "../ops/grpo_loss.ts";
import type { DrawnFrom } from "../models/painting_likelihood.ts";
import type { Normalisation } from "./token_weights.ts";

/** Settings of `GeneratorGrpo`. */
export interface GeneratorGrpoOptions extends ClipRange, DrawnFrom, Sampling {
  /** Gradient steps of an update; from the second on the clip acts. */
  readonly innerEpochs: number;
  /** Parts of the paintings that go through the model one after the other, to save memory; default 1. */
  readonly parts?: number;
  /** Highest learning rate: reached after the warm-up, then a cosine takes it to a tenth at the last update. */
  readonly learningRate: number;
  /** Number of updates the learning rate is planned for. */
  readonly updates: number;
  /** Updates over which the rate rises from zero. */
  readonly warmupUpdates: number;
  /** Bound of the global gradient norm. */
  readonly maxGradNorm: number;
  /** Decay of the averaged weights at every gradient step: they are what is evaluated and kept. */
  readonly emaDecay: number;
  /** Over what the tokens' losses are averaged. */
  readonly normalisation: Normalisation;
  /** Largest ratio that counts where the advantage is negative (dual clip). */
  readonly delta: number;
  /** `exact` sums over the whole vocabulary at every token, `k2` and `k3` estimate from the drawn one. */
  readonly kl: "exact" | "k2" | "k3";
  /** Weight of the divergence from the reference model. */
  readonly beta: number;
}

/**
 * Checks the settings for a number of paintings.
 *
 * @throws {UserError} for settings that have no log-probability, or a weight without a reference.
 * @throws {RangeError} where the paintings cannot be divided into the parts.
 */
export function checkGeneratorOptions(options: GeneratorGrpoOptions, reference: boolean, paintings: number): void {
  const { topK, topP, temperature, beta, parts = 1 } = options;
  if (topK || topP) {
    throw new UserError(
      "Cannot train the generator with top-k or top-p: a token that they cut off has no log-probability; leave them out",
    );
  }
  if (!(temperature > 0)) {
    throw new UserError(
      `Cannot train the generator at temperature ${temperature}: nothing is drawn; wanted more than 0`,
    );
  }
  if (beta > 0 && !reference) {
    throw new UserError(`Cannot weigh a divergence by ${beta} without a reference model: pass one, or set beta to 0`);
  }
  if (paintings % parts) {
    throw new RangeError(
      `Cannot divide ${paintings} paintings into ${parts} parts: wanted a number that divides the paintings`,
    );
  }
}
