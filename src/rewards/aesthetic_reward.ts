import { clamp } from "../ops/clamp.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { sum } from "../ops/reduce.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AestheticHead } from "./aesthetic_head.ts";
import type { ClipFeatures } from "./clip_features.ts";
import type { PaintedImages, Reward } from "./reward.ts";

/** Heads are fitted to people's marks from 1 to 10. */
const best = 10;

/**
 * How much people are likely to like a picture: a head on the unit features v of a CLIP, `(w . v + b) / 10` clamped to
 * [0, 1] (LAION's aesthetic predictors, fitted to marks from 1 to 10). The class does not count.
 */
export class AestheticReward implements Reward {
  /** Name in the metrics. */
  readonly name = "aesthetic";
  /** `[P]`. */
  readonly #weight: Tensor;

  /** Allocates the head. @throws {RangeError} for one of another width than the CLIP's features. */
  constructor(device: Device, private readonly features: ClipFeatures, private readonly head: AestheticHead) {
    const { projection_dim: width } = features.clip.config;
    if (head.weight.length !== width) {
      throw new RangeError(`Cannot score ${width} features: the aesthetic head wants ${head.weight.length}`);
    }
    this.#weight = device.persistent(() => device.tensor(head.weight));
  }

  /** Rewards in [0, 1], `[N]`. */
  score(painted: PaintedImages): Tensor {
    const marks = add(sum(mul(this.features.of(painted), this.#weight), 1), this.head.bias);
    return clamp(mul(marks, 1 / best), 0, 1);
  }
}
