import type { Tensor } from "../tensor/tensor.ts";

/** Images to be rewarded, on the device. */
export interface PaintedImages {
  /** `[N, 1, S, S]`, values in [0, 1]. */
  readonly images: Tensor;
  /** i32 `[N]`, the class each image was painted for. */
  readonly classes: Tensor;
}

/** A reward: a number for each image, `[N]`, the higher the better, computed on the device. */
export interface Reward {
  /** Name in the metrics. */
  readonly name: string;
  /** `[N]`, without gradient. */
  score(painted: PaintedImages): Tensor;
}

/** A reward and its weight in the sum. */
export interface WeightedReward {
  /** What is rewarded. */
  readonly reward: Reward;
  /** Its factor in the sum. */
  readonly weight: number;
}
