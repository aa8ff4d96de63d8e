import { add, mul } from "../ops/elementwise_binary.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Milliseconds of a painting. */
export interface LatencyCoefficients {
  /** Of any painting. */
  readonly base: number;
  /** Of each step. */
  readonly perStep: number;
  /** Of each cell that is probed in all steps together: what the policy looks at before it picks. */
  readonly perCell: number;
}

/** One painting's time as measured on a device. */
export interface LatencyMeasurement {
  /** Steps it took. */
  readonly steps: number;
  /** Cells probed in all of them. */
  readonly cells: number;
  /** Wall-clock time. */
  readonly milliseconds: number;
}

/** What a painting costs on the device where it was measured: `base + perStep steps + perCell cells` milliseconds. */
export class LatencyModel {
  /** See {@link fitLatency}. */
  constructor(readonly coefficients: LatencyCoefficients) {}

  /**
   * Milliseconds of each painting, `[N]`.
   *
   * @param spent `[N, 2]`: steps and probed cells.
   * @throws {RangeError} for another shape.
   */
  cost(spent: Tensor): Tensor {
    const count = spent.shape[0] ?? 0;
    requireShape("latency model", "spent", spent.shape, [count, 2]);
    const { base, perStep, perCell } = this.coefficients;
    const [steps, cells] = [0, 1].map((column) => reshape(slice(spent, 1, column, column + 1), [count]));
    return add(add(mul(steps!, perStep), mul(cells!, perCell)), base);
  }
}

/**
 * The model that fits measurements best by least squares with coefficients of at least 0: of all choices of coefficients
 * that are not 0, the best one whose ordinary fit is not negative (there are seven, and the optimum is one of them). Where
 * several fit alike the first is taken: steps that rise together with cells explain the time alone.
 *
 * @throws {RangeError} for fewer than three measurements, for numbers that are negative or not finite, and for times that
 * rise with neither steps nor cells.
 */
export function fitLatency(measurements: readonly LatencyMeasurement[]): LatencyModel {
  if (measurements.length < 3) {
    throw new RangeError(
      `Cannot fit latency to ${measurements.length} measurements: wanted at least 3, of different steps and cells`,
    );
  }
  measurements.forEach(({ steps, cells, milliseconds }, i) => {
    if ([steps, cells, milliseconds].every((value) => Number.isFinite(value) && value >= 0)) return;
    throw new RangeError(
      `Cannot fit latency: measurement ${i} must hold finite numbers of at least 0, ` +
        `got ${steps} steps, ${cells} cells, ${milliseconds} ms`,
    );
  });
  const rows = measurements.map(({ steps, cells }) => [1, steps, cells]);
  const times = measurements.map(({ milliseconds }) => milliseconds);
  const errorOf = (fit: readonly number[]) =>
    rows.reduce((sum, row, i) => sum + (row.reduce((y, x, j) => y + x * fit[j]!, 0) - times[i]!) ** 2, 0);
  // Fits that differ by rounding only count as equal.
  const rounding = 1e-12 * errorOf([0, 0, 0]);
  let best = [0, 0, 0];
  for (const chosen of [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]) {
    const found = leastSquares(rows.map((row) => chosen.map((j) => row[j]!)), times);
    if (!found || found.some((value) => value < 0)) continue;
    const fit = [0, 1, 2].map((j) => found[chosen.indexOf(j)] ?? 0);
    if (errorOf(fit) < errorOf(best) - rounding) best = fit;
  }
  const [base, perStep, perCell] = best as [number, number, number];
  if (perStep === 0 && perCell === 0) {
    throw new RangeError(
      `Cannot fit latency: the times of ${measurements.length} measurements rise with neither steps nor cells; ` +
        "measure more of them, from few steps to many, on an idle machine",
    );
  }
  return new LatencyModel({ base, perStep, perCell });
}

/** Below it a column counts as a combination of those before it. */
const leastPivot = 1e-9;

/**
 * The x of least `|A x - y|^2` by the normal equations of A's columns at unit length; null where one column is a
 * combination of others.
 */
function leastSquares(a: readonly number[][], y: readonly number[]): number[] | null {
  const columns = a[0]!.map((_, j) => a.map((row) => row[j]!));
  const dot = (u: readonly number[], v: readonly number[]) => u.reduce((sum, value, i) => sum + value * v[i]!, 0);
  const lengths = columns.map((column) => Math.sqrt(dot(column, column)));
  if (lengths.some((length) => length === 0)) return null;
  const units = columns.map((column, j) => column.map((value) => value / lengths[j]!));
  const system = units.map((unit) => [...units.map((other) => dot(unit, other)), dot(unit, y)]);
  // Gauss-Jordan: the matrix is symmetric and positive, so its diagonal serves as pivots.
  for (let j = 0; j < system.length; j++) {
    const pivot = system[j]![j]!;
    if (pivot < leastPivot) return null;
    system[j] = system[j]!.map((value) => value / pivot);
    for (let i = 0; i < system.length; i++) {
      const factor = system[i]![j]!;
      if (i !== j) system[i] = system[i]!.map((value, k) => value - factor * system[j]![k]!);
    }
  }
  return system.map((row, j) => row.at(-1)! / lengths[j]!);
}
