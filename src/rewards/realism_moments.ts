import type { FrechetStatistics } from "../eval/frechet.ts";
import { frechetInfluence } from "../eval/frechet_influence.ts";
import type { Judge } from "../models/judge.ts";
import { add, mul, sub } from "../ops/elementwise_binary.ts";
import { sigmoid } from "../ops/elementwise_unary.ts";
import { concat } from "../ops/concat.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/permute.ts";
import { mean, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { expectTensor } from "../optim/expect_tensor.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AdaptiveReward, PaintedImages, Reward } from "./reward.ts";

/** Settings of {@link MomentsReward}. */
export interface MomentsOptions {
  /** Share of the old moments of painted pictures that an update keeps. */
  readonly decay: number;
  /** Updates between two looks at what the moments have become: 0.1 s of the host's time at 128 features. */
  readonly every: number;
}

/**
 * Realism by moments: how much a picture pulls the painted pictures away from real ones, as a judge's features see them.
 * `r = 1 / (1 + exp(I / s))` with I the influence of the picture on the Frechet distance, see `frechetInfluence`, and s
 * its deviation. The painted pictures' mean and second moment are averages over the updates, so that the reward follows
 * the policy: what there is too much of pays less.
 */
export class MomentsReward implements Reward, AdaptiveReward {
  /** Name in the metrics. */
  readonly name = "realism";
  /** Itself. */
  readonly adaptive: AdaptiveReward = this;
  readonly #tensors: Record<"mean" | "slope" | "curvature" | "offset" | "inverse" | "moments", Tensor>;
  readonly #size: number;
  #moments: Float32Array;
  #updates = 0;

  /**
   * A reward that knows what the policy paints before its first update.
   *
   * @param real statistics of real pictures under the judge.
   * @param painted of pictures as they are before training, such as by the hand schedule.
   */
  constructor(
    private readonly judge: Judge,
    private readonly real: FrechetStatistics,
    painted: FrechetStatistics,
    private readonly options: MomentsOptions,
  ) {
    const [{ device }] = [...judge.parameters().values()] as [Tensor];
    const size = this.#size = real.mean.length;
    this.#tensors = device.persistent(() => ({
      mean: device.zeros([1, size]),
      slope: device.zeros([1, size]),
      curvature: device.zeros([size, size]),
      offset: device.zeros([1]),
      inverse: device.zeros([1]),
      moments: device.zeros([size + size * size + 1]),
    }));
    this.#moments = momentsOf(painted);
    this.#refer(painted);
  }

  /** Rewards `[N]` in [0, 1]. */
  score({ images }: PaintedImages): Tensor {
    const { mean: centre, slope, curvature, offset, inverse } = this.#tensors;
    const distance = sub(this.judge.features(images), centre);
    const influence = sub(sum(mul(distance, add(matmul(distance, curvature), slope)), 1), offset);
    return sigmoid(mul(influence, inverse));
  }

  /** Mean and mean outer product of the batch's features, `[D + D^2]`. */
  observe({ images }: PaintedImages): Tensor {
    const features = this.judge.features(images), [rows] = features.shape as [number, number];
    const second = mul(matmul(permute(features, [1, 0]), features), 1 / rows);
    return concat([mean(features, 0), reshape(second, [second.size])], 0);
  }

  /** Moves the averages towards the batch's; not by a batch with a picture of NaN, which they would never forget. */
  adapt(values: Float32Array): void {
    const { decay, every } = this.options;
    if (values.every(Number.isFinite)) {
      this.#moments = this.#moments.map((old, i) => decay * old + (1 - decay) * values[i]!);
    }
    if (++this.#updates % every === 0) this.#refer(this.#painted());
    this.#keep();
  }

  /** What the reward goes by, and the averages. */
  state(): Map<string, Tensor> {
    return new Map(Object.entries(this.#tensors));
  }

  /** Takes up a state saved by `state`. @throws {UserError} where a part is missing or has another shape. */
  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    const found = [...this.state()].map(([name, tensor]) =>
      [tensor, expectTensor("the realism reward", tensors, name, tensor.shape, Float32Array)] as const
    );
    for (const [tensor, values] of found) tensor.write(values);
    const moments = found.at(-1)![1];
    this.#moments = moments.slice(0, -1);
    this.#updates = moments.at(-1)!;
  }

  #painted(): FrechetStatistics {
    const size = this.#size;
    const centre = Float64Array.from(this.#moments.subarray(0, size));
    const covariance = Float64Array.from(
      this.#moments.subarray(size),
      (value, i) => value - centre[Math.floor(i / size)]! * centre[i % size]!,
    );
    return { mean: centre, covariance };
  }

  #refer(painted: FrechetStatistics): void {
    const { mean: centre, slope, curvature, offset, spread } = frechetInfluence(painted, this.real);
    const tensors = this.#tensors;
    tensors.mean.write(Float32Array.from(centre));
    tensors.slope.write(Float32Array.from(slope));
    tensors.curvature.write(Float32Array.from(curvature));
    tensors.offset.write(Float32Array.of(offset));
    tensors.inverse.write(Float32Array.of(-1 / spread));
    this.#keep();
  }

  #keep(): void {
    this.#tensors.moments.write(Float32Array.of(...this.#moments, this.#updates));
  }
}

/** Mean and mean outer product, `[D + D^2]`. */
function momentsOf({ mean: centre, covariance }: FrechetStatistics): Float32Array {
  const size = centre.length;
  const moments = new Float32Array(size + size * size);
  moments.set(centre);
  covariance.forEach((value, i) => moments[size + i] = value + centre[Math.floor(i / size)]! * centre[i % size]!);
  return moments;
}
