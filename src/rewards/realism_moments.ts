import type { FrechetStatistics } from "../eval/frechet.ts";
import { frechetInfluence } from "../eval/frechet_influence.ts";
import type { Judge } from "../models/judge.ts";
import { add, mul, sub } from "../ops/elementwise_binary.ts";
import { sigmoid } from "../ops/elementwise_unary.ts";
import { concat } from "../ops/concat.ts";
import { embedding } from "../ops/embedding.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/permute.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { expectTensor } from "../optim/expect_tensor.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AdaptiveReward, PaintedImages, Reward } from "./reward.ts";

/** Settings of {@link MomentsReward}. */
export interface MomentsOptions {
  /** Share of the old moments of painted pictures that an update keeps, where all kinds have equally many in it. */
  readonly decay: number;
  /** Updates between two looks at what the moments have become: 0.1 s of the host's time at 128 features. */
  readonly every: number;
  /** J numbers of target steps: the pictures of each are a kind of their own. Default: all are of one kind. */
  readonly targets?: readonly number[];
}

/**
 * Realism by moments: how much a picture pulls the painted pictures away from real ones, as a judge's features see them.
 * `r = 1 / (1 + exp(I / s))` with I the influence of the picture on the Frechet distance, see `frechetInfluence`, and s
 * its deviation. The painted pictures' mean and second moment are averages over the updates, so that the reward follows
 * the policy: what there is too much of pays less.
 *
 * Pictures of different numbers of steps have moments of their own. With common ones, those of many steps would be paid
 * for making up for the faults of those of few, and become worse by themselves.
 */
export class MomentsReward implements Reward, AdaptiveReward, Disposable {
  /** Name in the metrics. */
  readonly name = "realism";
  /** Itself. */
  readonly adaptive: AdaptiveReward = this;
  readonly #tensors: Record<"mean" | "slope" | "curvature" | "offset" | "inverse" | "moments", Tensor>;
  readonly #size: number;
  /** `[largest target + 1, J]`: the kind of each number of target steps, one-hot; null for a single kind. */
  readonly #kinds: Tensor | null;
  /** Of each kind, mean and mean outer product `[D + D^2]`. */
  #moments: Float32Array[];
  #updates = 0;

  /**
   * A reward that knows what the policy paints before its first update.
   *
   * @param real statistics of real pictures under the judge.
   * @param painted of pictures as they are before training, such as by the hand schedule: of every kind.
   * @throws {RangeError} where there are not as many statistics as kinds.
   */
  constructor(
    private readonly judge: Judge,
    private readonly real: FrechetStatistics,
    painted: readonly FrechetStatistics[],
    private readonly options: MomentsOptions,
  ) {
    const [{ device }] = [...judge.parameters().values()] as [Tensor];
    const size = this.#size = real.mean.length, kinds = painted.length, { targets } = options;
    if (kinds !== (targets?.length ?? 1)) {
      throw new RangeError(`Cannot reward realism: got moments of ${kinds} kinds for ${targets?.length ?? 1}`);
    }
    this.#tensors = device.persistent(() => ({
      mean: device.zeros([kinds, size]),
      slope: device.zeros([kinds, size]),
      curvature: device.zeros([size, kinds * size]),
      offset: device.zeros([kinds, 1]),
      inverse: device.zeros([kinds, 1]),
      moments: device.zeros([kinds * (size + size * size) + 1]),
    }));
    this.#kinds = targets ? device.persistent(() => oneHot(device, targets)) : null;
    this.#moments = painted.map(momentsOf);
    this.#refer(painted);
  }

  /** Rewards `[N]` in [0, 1]. */
  score(painted: PaintedImages): Tensor {
    const { mean: centres, slope, curvature, offset, inverse } = this.#tensors;
    const features = this.judge.features(painted.images), [rows, size] = features.shape as [number, number];
    const kinds = this.#kindsOf(painted), count = kinds.shape[1]!;
    const own = (table: Tensor) => matmul(kinds, table);
    const distance = sub(features, own(centres));
    const bent = reshape(matmul(distance, curvature), [rows, count, size]);
    const ownBent = sum(mul(bent, reshape(kinds, [rows, count, 1])), 1);
    const influence = sub(sum(mul(distance, add(ownBent, own(slope))), 1, true), own(offset));
    return reshape(sigmoid(mul(influence, own(inverse))), [rows]);
  }

  /** Numbers of pictures, sums of features and sums of their outer products of every kind, `[J (1 + D + D^2)]`. */
  observe(painted: PaintedImages): Tensor {
    const features = this.judge.features(painted.images), [rows, size] = features.shape as [number, number];
    const kinds = this.#kindsOf(painted), count = kinds.shape[1]!;
    const apart = mul(reshape(kinds, [rows, count, 1]), reshape(features, [rows, 1, size]));
    const second = matmul(permute(reshape(apart, [rows, count * size]), [1, 0]), features);
    const parts = [sum(kinds, 0), sum(apart, 0), second];
    return concat(parts.map((part) => reshape(part, [part.size])), 0);
  }

  /** Moves the averages towards the batch's; not by a batch with a picture of NaN, which they would never forget. */
  adapt(values: Float32Array): void {
    const { options: { decay, every } } = this, size = this.#size, kinds = this.#moments.length;
    const counts = values.subarray(0, kinds), all = counts.reduce((a, b) => a + b, 0);
    if (values.every(Number.isFinite)) {
      this.#moments = this.#moments.map((old, j) => {
        if (counts[j] === 0) return old;
        const keep = decay ** (counts[j]! * kinds / all);
        // Where the sums of features and of outer products of this kind begin.
        const first = kinds + j * size, second = kinds + (kinds + j * size) * size;
        return old.map((value, i) => {
          const total = values[i < size ? first + i : second + i - size]!;
          return keep * value + (1 - keep) * total / counts[j]!;
        });
      });
    }
    if (++this.#updates % every === 0) this.#refer(this.#moments.map((moments) => statisticsOf(moments, size)));
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
    const each = this.#size * (this.#size + 1);
    this.#moments = this.#moments.map((_, j) => moments.slice(j * each, (j + 1) * each));
    this.#updates = moments.at(-1)!;
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const tensor of Object.values(this.#tensors)) tensor.dispose();
    this.#kinds?.dispose();
  }

  /** `[N, J]`: the kind of each picture, one-hot. */
  #kindsOf({ images, targets }: PaintedImages): Tensor {
    if (!this.#kinds) return images.device.full([images.shape[0]!, 1], 1);
    if (!targets) throw new RangeError("Cannot reward realism: it keeps kinds apart and needs the pictures' targets");
    return embedding(this.#kinds, targets);
  }

  #refer(painted: readonly FrechetStatistics[]): void {
    const influences = painted.map((statistics) => frechetInfluence(statistics, this.real));
    const tensors = this.#tensors, size = this.#size;
    tensors.mean.write(Float32Array.from(influences.flatMap(({ mean }) => [...mean])));
    tensors.slope.write(Float32Array.from(influences.flatMap(({ slope }) => [...slope])));
    const curvature = new Float32Array(size * size * influences.length);
    influences.forEach((influence, j) => {
      for (let row = 0; row < size; row++) {
        const from = influence.curvature.subarray(row * size, (row + 1) * size);
        curvature.set(from, (row * influences.length + j) * size);
      }
    });
    tensors.curvature.write(curvature);
    tensors.offset.write(Float32Array.from(influences, ({ offset }) => offset));
    tensors.inverse.write(Float32Array.from(influences, ({ spread }) => -1 / spread));
    this.#keep();
  }

  #keep(): void {
    const each = this.#size * (this.#size + 1), all = new Float32Array(each * this.#moments.length + 1);
    this.#moments.forEach((moments, j) => all.set(moments, j * each));
    all[all.length - 1] = this.#updates;
    this.#tensors.moments.write(all);
  }
}

/** `[largest + 1, J]`: 1 where the row is the column's number of steps. */
function oneHot(device: Device, targets: readonly number[]): Tensor {
  const rows = Math.max(...targets) + 1, out = new Float32Array(rows * targets.length);
  targets.forEach((target, j) => out[target * targets.length + j] = 1);
  return device.tensor(out, [rows, targets.length]);
}

/** Of mean and mean outer product. */
function statisticsOf(moments: Float32Array, size: number): FrechetStatistics {
  const centre = Float64Array.from(moments.subarray(0, size));
  const covariance = Float64Array.from(
    moments.subarray(size),
    (value, i) => value - centre[Math.floor(i / size)]! * centre[i % size]!,
  );
  return { mean: centre, covariance };
}

/** Mean and mean outer product, `[D + D^2]`. */
function momentsOf({ mean: centre, covariance }: FrechetStatistics): Float32Array {
  const size = centre.length;
  const moments = new Float32Array(size + size * size);
  moments.set(centre);
  covariance.forEach((value, i) => moments[size + i] = value + centre[Math.floor(i / size)]! * centre[i % size]!);
  return moments;
}
