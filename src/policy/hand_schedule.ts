import type { DegreeRule } from "./degree_rule.ts";

/** Shape of the kernel round a hand schedule's count. */
export interface HandKernel {
  /** Standard deviation, in places of the list of degrees; at 0.3 a neighbour of the count has 0.4 % of its weight. */
  readonly width?: number;
  /** Share of probability spread over the whole list, so that no degree is out of the policy's reach. */
  readonly floor?: number;
}

/**
 * Cells to paint so that as many are left as the schedule leaves after this step: the schedule's own count where the
 * painting has followed it, and what brings it back where it has not. All that remain after the schedule's last step.
 *
 * @param groups cells of each step of the schedule, such as of `groupSizes`.
 * @param step steps done.
 * @param remaining cells not painted.
 */
export function handCount(groups: readonly number[], step: number, remaining: number): number {
  const left = groups.slice(step + 1).reduce((a, b) => a + b, 0);
  return Math.min(remaining, Math.max(1, remaining - left));
}

/**
 * Log-probability of each degree of a list under a narrow kernel round a count, `[D]`: normal in the degree's place in
 * the list. A count between two degrees stands between their places by its logarithm.
 *
 * @throws {RangeError} for a width that is not positive or a floor outside [0, 1].
 */
export function handDegreeBias(
  count: number,
  degrees: readonly number[],
  { width = 0.3, floor = 1e-3 }: HandKernel = {},
): Float32Array {
  if (!(width > 0)) throw new RangeError(`Cannot weigh degrees: width must be above 0, got ${width}`);
  if (!(floor >= 0 && floor <= 1)) {
    throw new RangeError(`Cannot weigh degrees: floor must be from 0 to 1, got ${floor}`);
  }
  const place = placeOf(count, degrees);
  const exponents = degrees.map((_, i) => -((i - place) ** 2) / (2 * width * width));
  const peak = Math.max(...exponents);
  const logTotal = peak + Math.log(exponents.reduce((sum, e) => sum + Math.exp(e - peak), 0));
  return Float32Array.from(
    exponents,
    (e) => floor > 0 ? Math.log((1 - floor) * Math.exp(e - logTotal) + floor / degrees.length) : e - logTotal,
  );
}

function placeOf(count: number, degrees: readonly number[]): number {
  const above = degrees.findIndex((degree) => degree >= count);
  if (above === 0) return 0;
  if (above < 0) return degrees.length - 1;
  const low = degrees[above - 1]!, high = degrees[above]!;
  return above - 1 + Math.log(count / low) / Math.log(high / low);
}

/** What {@link handScheduleTables} gives: row `step (N + 1) + remaining` belongs to a state. */
export interface HandScheduleTables {
  /** `[T_max (N + 1), D]`: 1 for a degree that is valid in the state. */
  readonly valid: Int32Array;
  /** `[T_max (N + 1), D]`: of {@link handDegreeBias}. */
  readonly bias: Float32Array;
}

/**
 * The degree's rule and prior for every number of steps done and cells not painted, to be looked up on the device. With
 * `bias` as the prior of a policy whose last layers are zero, that policy is the hand schedule.
 */
export function handScheduleTables(
  rule: DegreeRule,
  groups: readonly number[],
  kernel: HandKernel = {},
): HandScheduleTables {
  const { degrees, steps, cells } = rule, width = degrees.length;
  const valid = new Int32Array(steps * (cells + 1) * width), bias = new Float32Array(valid.length);
  for (let step = 0; step < steps; step++) {
    for (let remaining = 0; remaining <= cells; remaining++) {
      const at = (step * (cells + 1) + remaining) * width;
      valid.set(rule.valid(step, remaining).map(Number), at);
      bias.set(handDegreeBias(handCount(groups, step, remaining), degrees, kernel), at);
    }
  }
  return { valid, bias };
}
