import { clamp } from "../ops/clamp.ts";
import { add, div, maximum, mul, sub } from "../ops/elementwise_binary.ts";
import { exp, log } from "../ops/elementwise_unary.ts";
import type { Device } from "../tensor/device.ts";
import { requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { QualityConstraint, type QualityConstraintOptions } from "./quality_constraint.ts";

/**
 * How cost enters the reward, with Q the quality of a picture, c what it cost and c_ref what the hand schedule's costs.
 *
 * - `additive`: `Q + weight (1 - c / c_max)`, the classic form, kept for comparison. Under the classic weights 1.0, 0.5
 *   and 0.3 (semantics, quality, efficiency) a bad picture in two steps beats a good one in fifty, and policies collapse
 *   to as few steps as they may take.
 * - `multiplicative`: `Q ((c_max - c) / (c_max - c_ref))^alpha`, the base held in [0, 2]: a picture as cheap as the hand
 *   schedule's earns its quality, and none earns more than `2^alpha` times it, so that with alpha at most 1 a picture less
 *   than half as good never pays, however cheap it is.
 * - `constraint`: the least cost of all policies with `mean Q >= (1 - slack) mean Q_ref`, see {@link QualityConstraint}.
 */
export type EfficiencyForm =
  | { readonly form: "additive"; readonly weight: number; readonly maxCost: number }
  | { readonly form: "multiplicative"; readonly alpha: number; readonly maxCost: number }
  | { readonly form: "constraint" } & QualityConstraintOptions;

/** Bounds of the multiplicative form's base. */
const lowest = 0, highest = 2;

/** Below it a power of the base counts as one of zero, whose logarithm there is none of. */
const leastBase = 1e-30;

/**
 * Quality and cost of a painting as one reward. Costs are in any unit, such as steps or the milliseconds of a
 * `LatencyModel`, but all in the same: c, c_ref and `maxCost` (c_max), which must lie above every c_ref.
 */
export class Efficiency {
  /** For the form `constraint`: what must be told the quality of every update. */
  readonly adaptive?: QualityConstraint;

  /**
   * A way to weigh cost.
   *
   * @throws {RangeError} for numbers that no form has a meaning for.
   */
  constructor(device: Device, private readonly form: EfficiencyForm) {
    if (form.form === "constraint") {
      this.adaptive = new QualityConstraint(device, form);
      return;
    }
    const [name, value] = form.form === "additive" ? ["weight", form.weight] : ["alpha", form.alpha];
    if (!(form.maxCost > 0)) {
      throw new RangeError(`Cannot reward efficiency: maxCost must be above 0, got ${form.maxCost}`);
    }
    if (!(value >= 0)) throw new RangeError(`Cannot reward efficiency: ${name} must be at least 0, got ${value}`);
  }

  /**
   * The reward of each picture, `[N]`; recorded once and replayed.
   *
   * @param quality Q, `[N]`.
   * @param cost c, `[N]`.
   * @param reference c_ref, `[N]`, above 0.
   * @throws {RangeError} for shapes that differ.
   */
  combine(quality: Tensor, cost: Tensor, reference: Tensor): Tensor {
    requireShape("efficiency", "cost", cost.shape, quality.shape);
    requireShape("efficiency", "reference", reference.shape, quality.shape);
    const { form } = this;
    if (form.form === "constraint") return this.adaptive!.combine(quality, div(cost, reference));
    const { maxCost } = form;
    if (form.form === "additive") return add(quality, mul(sub(1, mul(cost, 1 / maxCost)), form.weight));
    // A reference at the maximum must not divide by zero: the room that it leaves is held at a thousandth.
    const room = maximum(sub(maxCost, reference), maxCost / 1000);
    return mul(quality, power(clamp(div(sub(maxCost, cost), room), lowest, highest), form.alpha));
  }
}

/** `base^exponent` of a base that is not negative. */
function power(base: Tensor, exponent: number): Tensor {
  return exponent === 1 ? base : exp(mul(log(maximum(base, leastBase)), exponent));
}
