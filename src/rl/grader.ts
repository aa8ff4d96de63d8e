import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { combineRewards, type RewardCombination } from "../rewards/combine.ts";
import type { Efficiency } from "../rewards/efficiency.ts";
import type { LatencyModel } from "../rewards/latency_model.ts";
import type { AdaptiveReward, PaintedImages, WeightedReward } from "../rewards/reward.ts";
import type { UserReward } from "../rewards/user_reward.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A user's reward, scored on the host. */
export interface WeightedModule {
  readonly module: UserReward;
  readonly weight: number;
}

/** What a {@link Grader} grades by. */
export interface GraderOptions {
  readonly rewards: readonly WeightedReward[];
  readonly modules?: readonly WeightedModule[];
  readonly combination: RewardCombination;
  /** Default: cost is no matter. */
  readonly efficiency?: Efficiency;
  /** What steps and probed cells cost; default a step is one. */
  readonly latency?: LatencyModel;
  /** Names of the classes, for rewards that read. */
  readonly classNames: readonly string[];
}

/** How many pictures there are. */
export interface GradedCounts {
  /** B, the policy's, which come first. */
  readonly policy: number;
  /** Of the hand schedule. */
  readonly hand: number;
}

/** The rewards of an update: what a config names, as one number for each picture. */
export class Grader {
  /** Of the parts, in the order of {@link grade}'s. */
  readonly names: readonly string[];
  readonly #scores: readonly Tensor[];
  readonly #observed: { readonly tensor: Tensor; readonly adapt: (values: Float32Array) => void }[] = [];

  /** Allocates the values of the users' rewards. */
  constructor(device: Device, private readonly options: GraderOptions, private readonly counts: GradedCounts) {
    const { rewards, modules = [] } = options;
    this.names = [...rewards.map(({ reward }) => reward.name), ...modules.map(({ module }) => module.name)];
    this.#scores = device.persistent(() => modules.map(() => device.zeros([counts.policy + counts.hand])));
  }

  /** What must be read with an update's readback, and given to {@link adapt}. */
  get observed(): readonly Tensor[] {
    return this.#observed.map(({ tensor }) => tensor);
  }

  /** Before the replay of update n. */
  prepare(n: number): void {
    for (const { reward } of this.options.rewards) reward.adaptive?.prepare?.(n);
  }

  /**
   * Asks the users' rewards on the host, with one readback; nothing where there are none.
   *
   * @throws {UserError} where one of them fails.
   */
  async askModules({ images, classes }: PaintedImages): Promise<void> {
    const { modules = [], classNames } = this.options;
    if (modules.length === 0) return;
    const [pixels, labels] = await images.device.read([images, classes]);
    const shape = images.shape as readonly [number, number, number, number];
    for (const [i, { module }] of modules.entries()) {
      const batch = { images: pixels as Float32Array, shape, classes: labels as Int32Array, classNames, prompts: null };
      this.#scores[i]!.write(await module.score(batch) as Float32Array<ArrayBuffer>);
    }
  }

  /**
   * Grades pictures, the policy's and then the hand schedule's; to be recorded.
   *
   * @param spent `[M, 2]`: steps and probed cells of each.
   * @param reference `[M, 2]`: those of the hand schedule with as many steps as the picture should take.
   * @returns the reward and its parts, `[M]`.
   */
  grade(painted: PaintedImages, spent: Tensor, reference: Tensor): { total: Tensor; parts: readonly Tensor[] } {
    const { rewards, modules = [], combination, efficiency, latency, classNames } = this.options;
    const pictures = { ...painted, classNames }; // one object, by which rewards may share what they see
    const parts = [...rewards.map(({ reward }) => reward.score(pictures)), ...this.#scores];
    const weights = [...rewards, ...modules].map(({ weight }) => weight);
    const quality = combineRewards(parts.map((scores, i) => ({ scores, weight: weights[i]! })), combination);
    const { policy, hand } = this.counts;
    for (const { reward: { adaptive } } of rewards) {
      const tensor = adaptive?.observe(someImages(painted, policy));
      if (adaptive && tensor) this.#observed.push({ tensor, adapt: (values) => adaptive.adapt?.(values) });
    }
    if (!efficiency) return { total: quality, parts };
    if (efficiency.adaptive) {
      const { adaptive } = efficiency;
      const tensor = adaptive.observe(slice(quality, 0, 0, policy), slice(quality, 0, policy, policy + hand));
      this.#observed.push({ tensor, adapt: (values) => adaptive.adapt(values) });
    }
    const cost = (of: Tensor) => latency ? latency.cost(of) : reshape(slice(of, 1, 0, 1), [policy + hand]);
    return { total: efficiency.combine(quality, cost(spent), cost(reference)), parts };
  }

  /** After an update, with what was read of {@link observed}. */
  adapt(values: readonly Float32Array[]): void {
    this.#observed.forEach(({ adapt }, i) => adapt(values[i]!));
  }

  /** Of the rewards that follow the policy, after {@link adapt}: what they have become, by name. */
  metrics(): Record<string, number> {
    return Object.assign({}, ...this.#adaptive().map(([, part]) => part.metrics?.()));
  }

  /** What a checkpoint must hold to go on bit for bit. */
  state(): Map<string, Tensor> {
    return new Map(
      this.#adaptive().flatMap(([name, part]) =>
        [...part.state()].map(([key, tensor]) => [`${name}.${key}`, tensor] as const)
      ),
    );
  }

  /** Takes up what {@link state} gave. */
  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    for (const [name, part] of this.#adaptive()) {
      const own = [...tensors].flatMap(([key, tensor]) =>
        key.startsWith(`${name}.`) ? [[key.slice(name.length + 1), tensor] as const] : []
      );
      part.restore(new Map(own));
    }
  }

  #adaptive(): (readonly [name: string, part: Pick<AdaptiveReward, "metrics" | "state" | "restore">])[] {
    const { rewards, efficiency } = this.options;
    return [
      ...rewards.flatMap(({ reward: { name, adaptive } }) => adaptive ? [[name, adaptive] as const] : []),
      ...(efficiency?.adaptive ? [["efficiency", efficiency.adaptive] as const] : []),
    ];
  }
}

/** The first pictures, as far as rewards learn from them. */
function someImages({ images, classes, targets }: PaintedImages, count: number): PaintedImages {
  return {
    images: slice(images, 0, 0, count),
    classes: slice(classes, 0, 0, count),
    ...(targets ? { targets: slice(targets, 0, 0, count) } : {}),
  };
}
