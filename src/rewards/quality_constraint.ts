import { add, div, mul, sub } from "../ops/elementwise_binary.ts";
import { concat } from "../ops/concat.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { expectTensor } from "../optim/expect_tensor.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Settings of a {@link QualityConstraint}. */
export interface QualityConstraintOptions {
  /** Share of the hand schedule's mean quality that may be given up for speed, in [0, 1). */
  readonly slack: number;
  /** By how much lambda grows in an update whose quality falls short by the whole of the hand schedule's. */
  readonly rate: number;
  /** First lambda, from 0 to 50; at 4, a quality of 0.25 is worth as much as all that the hand schedule costs. */
  readonly start: number;
}

/**
 * Highest lambda. Cost then counts for 2 %, and a policy that cannot reach the quality yet does not pile up a debt of
 * updates in which speed would be worth nothing.
 */
const highest = 50;

/**
 * The least cost subject to a quality: `min E[c / c_ref]` subject to `E[Q] >= (1 - slack) E[Q_ref]`, by the Lagrangian
 * `lambda Q - c / c_ref` with a dual variable lambda >= 0. The policy climbs it divided by `lambda + 1`, so that rewards
 * keep their scale, and after every update dual ascent moves lambda by the measured violation,
 *
 * `lambda <- clamp(lambda + rate (1 - slack - mean Q / mean Q_ref), 0, 50)`,
 *
 * with Q_ref of the hand schedule's paintings from the same noise. Too little quality makes quality dearer until the
 * policy restores it, quality to spare makes it cheaper. (Altman 1999, Constrained Markov Decision Processes; Tessler et
 * al. 2019, arXiv 1805.11074.)
 *
 * It takes the part of an `AdaptiveReward`: `observe` recorded after `combine`, `adapt` with what was read of it.
 */
export class QualityConstraint {
  readonly #lambda: Tensor;
  #value = 0;

  /**
   * Starts at `start`.
   *
   * @throws {RangeError} for numbers without a meaning.
   */
  constructor(device: Device, private readonly options: QualityConstraintOptions) {
    const { slack, rate, start } = options;
    if (!(slack >= 0 && slack < 1)) {
      throw new RangeError(`Cannot constrain the quality: slack must be at least 0 and below 1, got ${slack}`);
    }
    if (!(rate > 0)) throw new RangeError(`Cannot constrain the quality: rate must be above 0, got ${rate}`);
    if (!(start >= 0 && start <= highest)) {
      throw new RangeError(`Cannot constrain the quality: start must be from 0 to ${highest}, got ${start}`);
    }
    this.#lambda = device.persistent(() => device.zeros([1]));
    this.#set(start);
  }

  /** Lambda of the next update: what a unit of quality is worth in costs of the hand schedule. */
  get lambda(): number {
    return this.#value;
  }

  /** `(lambda Q - c / c_ref) / (lambda + 1)`, `[N]`. */
  combine(quality: Tensor, relativeCost: Tensor): Tensor {
    return div(sub(mul(quality, this.#lambda), relativeCost), add(this.#lambda, 1));
  }

  /**
   * What `adapt` wants to know, `[2]`: the means of both.
   *
   * @param quality Q of the policy's pictures, `[B]`.
   * @param handQuality Q of the hand schedule's from the same noise, `[G]`.
   */
  observe(quality: Tensor, handQuality: Tensor): Tensor {
    return concat([quality, handQuality].map((values) => reshape(mean(values), [1])), 0);
  }

  /** Moves lambda by what was read of `observe`. Means that are no numbers leave it where it is. */
  adapt([quality, handQuality]: ArrayLike<number> & Iterable<number>): void {
    const shortfall = 1 - this.options.slack - quality! / handQuality!;
    if (!Number.isFinite(shortfall)) return;
    // Where the hand schedule fails altogether the ratio is huge: no update may lower lambda by more than the rate.
    this.#set(Math.min(Math.max(this.#value + this.options.rate * Math.max(shortfall, -1), 0), highest));
  }

  /** `efficiency_lambda`: lambda of the next update. */
  metrics(): Record<string, number> {
    return { efficiency_lambda: this.#value };
  }

  /** `lambda` `[1]`, for a checkpoint. */
  state(): Map<string, Tensor> {
    return new Map([["lambda", this.#lambda]]);
  }

  /** Takes up a state saved by `state`. @throws {UserError} where lambda is missing or no number of this kind. */
  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    this.#set(expectTensor("the quality constraint", tensors, "lambda", [1], Float32Array)[0]!);
  }

  /** Both copies hold the same float32, so that a resumed run goes on bit for bit. */
  #set(value: number): void {
    this.#value = Math.fround(value);
    this.#lambda.write(Float32Array.of(this.#value));
  }
}
