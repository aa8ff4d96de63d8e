/**
 * The default list of degrees, spaced evenly in their logarithm: `1, 2, 3, 4, 6, 8, 12, 16, 24, 32, ...` up to `most`,
 * which ends the list whether it is one of them or not.
 *
 * @throws {RangeError} for a number that is no positive integer.
 */
export function spacedDegrees(most: number): number[] {
  requirePositive("the largest degree", most);
  const degrees = [1, 2, 3];
  for (let power = 4; power < most; power *= 2) degrees.push(power, power * 1.5);
  return [...degrees.filter((degree) => degree < most), most];
}

/** What limits the degrees of a painting. */
export interface DegreeLimits {
  /** D numbers of cells that a step may paint, rising. */
  readonly degrees: readonly number[];
  /** T_max, most steps of a painting. */
  readonly steps: number;
  /** N, cells of the canvas. */
  readonly cells: number;
}

/**
 * Which degrees are valid, so that every painting is finished after T_max steps whatever valid ones are chosen: those
 * that leave a number of cells which the remaining steps can paint, and no more cells than there are.
 *
 * Where the list holds all of 1 to K_max this is `d <= remaining` and `d >= remaining - (T_max - t - 1) K_max`. Those
 * bounds alone would not do for a list with gaps: with degrees 1, 2, 3, 4, 6 the last step cannot paint 5 cells.
 */
export class DegreeRule implements DegreeLimits {
  readonly degrees: readonly number[];
  readonly steps: number;
  readonly cells: number;
  /** Least steps that paint 0, 1, .. N cells; infinite where no sum of degrees is that number. */
  readonly #least: number[];

  /**
   * Works out the least steps for every number of cells.
   *
   * @throws {RangeError} for a list that does not rise, and for a canvas that T_max steps cannot paint.
   */
  constructor({ degrees, steps, cells }: DegreeLimits) {
    requirePositive("the number of steps", steps);
    requirePositive("the number of cells", cells);
    degrees.forEach((degree, i) => {
      requirePositive("a degree", degree);
      if (i > 0 && degree <= degrees[i - 1]!) {
        throw new RangeError(`Cannot plan degrees: their list must rise, got ${degree} after ${degrees[i - 1]}`);
      }
    });
    this.degrees = degrees;
    this.steps = steps;
    this.cells = cells;
    this.#least = [0];
    for (let n = 1; n <= cells; n++) {
      this.#least.push(1 + Math.min(...degrees.filter((d) => d <= n).map((d) => this.#least[n - d]!)));
    }
    const least = this.#least[cells]!;
    if (least > steps) {
      const need = least === Infinity ? "do not add up to it" : `need ${least} steps`;
      throw new RangeError(`Cannot paint ${cells} cells in ${steps} steps: the degrees ${degrees.join(", ")} ${need}`);
    }
  }

  /** Least steps that paint this many cells, at most N; infinite where no sum of degrees is that number. */
  leastSteps(cells: number): number {
    return this.#least[cells]!;
  }

  /**
   * True for each degree that may be chosen. At least one may in every state that valid choices lead to from one with
   * `leastSteps(remaining) <= T_max - step`, as the empty canvas at step 0; none where nothing remains.
   *
   * @param step steps done.
   * @param remaining cells not painted.
   */
  valid(step: number, remaining: number): boolean[] {
    return this.degrees.map((d) => d <= remaining && this.#least[remaining - d]! <= this.steps - step - 1);
  }
}

function requirePositive(what: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new RangeError(`Cannot plan degrees: ${what} must be a positive integer, got ${value}`);
}
