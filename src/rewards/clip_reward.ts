import { crossEntropy } from "../ops/cross_entropy.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { exp, neg } from "../ops/elementwise_unary.ts";
import { embedding } from "../ops/embedding.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import { showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ClipFeatures } from "./clip_features.ts";
import type { PaintedImages, Reward } from "./reward.ts";

/** Form of {@link ClipReward}. */
export type ClipRewardForm = "cosine" | "softmax";

/**
 * How well a picture goes with the prompt of its class, in the eyes of a CLIP (Radford et al. 2021). With v the
 * picture's embedding and t_c the prompts', all of length 1, and y the class it was painted for:
 *
 * - `cosine`: `(1 + v . t_y) / 2`. The cosines of published models differ little, by a few hundredths: give it weight.
 * - `softmax`: `exp(s v . t_y) / sum over classes c of exp(s v . t_c)`, the probability that zero-shot classification
 *   gives the class, with the model's own scale s.
 */
export class ClipReward implements Reward {
  /** Name in the metrics. */
  readonly name = "clip";

  /**
   * A reward of what CLIP sees.
   *
   * @param prompts `[K, P]`, unit rows, one a class; see `embedClasses`.
   * @throws {RangeError} for prompts of another model.
   */
  constructor(
    private readonly features: ClipFeatures,
    private readonly prompts: Tensor,
    private readonly form: ClipRewardForm,
  ) {
    const { projection_dim: width } = features.clip.config;
    if (prompts.shape.length === 2 && prompts.shape[1] === width) return;
    throw new RangeError(
      `Cannot reward by prompts of shape ${showShape(prompts.shape)}: wanted [classes, ${width}], as the model embeds`,
    );
  }

  /** Rewards in [0, 1], `[N]`. */
  score(painted: PaintedImages): Tensor {
    const seen = this.features.of(painted), { classes } = painted;
    if (this.form === "cosine") return mul(add(sum(mul(seen, embedding(this.prompts, classes)), 1), 1), 0.5);
    return seen.device.noGrad(() => {
      const scale = exp(this.features.clip.logitScale);
      return exp(neg(crossEntropy(mul(matmul(seen, this.prompts, { layout: "nt" }), scale), classes)));
    });
  }
}
