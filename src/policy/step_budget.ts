import { type DecodeSchedule, groupSizes } from "../models/decode_schedule.ts";
import type { DecodingPolicyConfig } from "./decoding_policy_config.ts";
import { DegreeRule, spacedDegrees } from "./degree_rule.ts";
import { handScheduleTables } from "./hand_schedule.ts";

/** What limits a policy's paintings, and what it starts from. */
export type BudgetOptions = Pick<
  DecodingPolicyConfig,
  "targets" | "max_steps" | "slack" | "degrees" | "cells" | "prior"
>;

/**
 * A list of degrees that holds those of {@link spacedDegrees} and every count of a hand schedule for these numbers of
 * steps, so that a policy can be that schedule exactly.
 */
export function budgetDegrees(targets: readonly number[], cells: number, schedule: DecodeSchedule): number[] {
  const counts = targets.flatMap((steps) => groupSizes(schedule, steps, cells));
  const degrees = new Set([...spacedDegrees(Math.max(...counts)), ...counts]);
  return [...degrees].sort((a, b) => a - b);
}

/**
 * The rule of the degree and the prior of a hand schedule for several numbers of target steps, as tables for the device: a
 * policy is told how many steps it should take, and starts as the schedule of so many.
 */
export class StepBudget {
  /** Most steps of any painting. */
  readonly steps: number;
  /** `[J * T_max (N + 1), D]`, the tables of the J targets one behind the other. */
  readonly valid: Int32Array;
  /** As `valid`: log-probabilities. */
  readonly prior: Float32Array;

  /**
   * Works the tables out.
   *
   * @throws {RangeError} where a target's steps cannot paint the canvas by these degrees.
   */
  constructor(readonly options: BudgetOptions) {
    const { targets, max_steps, slack, degrees, cells, prior } = options;
    this.steps = max_steps;
    const rows = this.steps * (cells + 1) * degrees.length;
    this.valid = new Int32Array(targets.length * rows);
    this.prior = new Float32Array(targets.length * rows);
    targets.forEach((target, j) => {
      const rule = new DegreeRule({ degrees, steps: Math.min(max_steps, target + slack), cells });
      const { valid, bias } = handScheduleTables(rule, groupSizes(prior.schedule, target, cells), prior);
      this.valid.set(valid, j * rows);
      this.prior.set(bias, j * rows);
    });
  }

  /**
   * Row of the tables at which those of a target begin.
   *
   * @throws {RangeError} for a number of steps that is no target.
   */
  base(target: number): number {
    const { targets, cells } = this.options;
    const j = targets.indexOf(target);
    if (j < 0) {
      throw new RangeError(
        `Cannot paint in ${target} steps: the policy's targets are ${targets.join(", ")}; name one of them`,
      );
    }
    return j * this.steps * (cells + 1);
  }
}
