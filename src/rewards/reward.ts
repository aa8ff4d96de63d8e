import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Images to be rewarded, on the device. */
export interface PaintedImages {
  /** `[N, C, S, S]`, values in [0, 1]. */
  readonly images: Tensor;
  /** i32 `[N]`, the class each image was painted for. */
  readonly classes: Tensor;
  /** i32 `[N]`: how many steps each was to be painted in, where that was said. */
  readonly targets?: Tensor;
  /** The classes' names, such as "7" or "golden retriever". */
  readonly classNames?: readonly string[];
  /** What each image was to show, in words, where that was said. */
  readonly prompts?: readonly string[];
  /** i32 `[N, cells]`, the tokens of images that were painted token by token. */
  readonly tokens?: Tensor;
  /** i32 `[N, cells]`: the step that painted each of them, negative where it was known. */
  readonly painted?: Tensor;
  /** `[N, cells]`: log-probability of each token where it was drawn, 0 where it was known. */
  readonly logProbs?: Tensor;
}

/** A reward: a number for each image, `[N]`, the higher the better, computed on the device. */
export interface Reward {
  /** Name in the metrics. */
  readonly name: string;
  /** `[N]`, without gradient; recorded once and replayed. */
  score(painted: PaintedImages): Tensor;
  /** For a reward that follows what the policy paints. */
  readonly adaptive?: AdaptiveReward;
}

/** What changes in a reward from update to update, without a wait of its own. */
export interface AdaptiveReward {
  /** Before the replay of update n, such as an upload of real images; a function of n, so that a resumed run repeats. */
  prepare?(n: number): void;
  /**
   * Recorded after `score`, replayed in every update with the policy's images: such as a training step. What it returns
   * is read with the update's one readback and given to `adapt`.
   */
  observe(painted: PaintedImages): Tensor | null;
  /** Before the next update, with what was read. */
  adapt?(values: Float32Array): void;
  /** By name, for the metrics of an update, asked after `adapt`: what the reward has become. */
  metrics?(): Readonly<Record<string, number>>;
  /** What a checkpoint must hold to go on bit for bit. */
  state(): Map<string, Tensor>;
  /** Takes up what `state` gave. @throws {UserError} for the state of another reward. */
  restore(tensors: ReadonlyMap<string, HostTensor>): void;
}

/** A reward and its weight among others. */
export interface WeightedReward {
  /** What is rewarded. */
  readonly reward: Reward;
  /** Its factor in the sum, or its exponent in the product. */
  readonly weight: number;
}
