import { stepCounts } from "./method_pictures.ts";

/** How many cells a policy painted at each step, and which ones first. */
export interface PaintingDecisions {
  /** `[D]`, the degrees that a policy chooses from: cells of a step. */
  readonly degrees: number[];
  /** `[T, D]`: how often each was chosen at each step. */
  readonly histogram: number[][];
  /**
   * `[N]`, row by row: mean place of a cell in the order of painting, from 0 for the first to 1 for the last; the cells of
   * a step share their mean place. A random order has 0.5 everywhere.
   */
  readonly painted_at: number[];
  /** Cells in a row. */
  readonly width: number;
}

/** What paintings `[B, N]`, the step in which each cell was painted, tell of a policy's decisions at speed 1. */
export function paintingDecisions(painted: Int32Array, cells: number, degrees: readonly number[]): PaintingDecisions {
  const lengths = stepCounts(painted, cells), steps = Math.max(...lengths);
  const histogram = Array.from({ length: steps }, () => degrees.map(() => 0));
  const places = new Array<number>(cells).fill(0);
  lengths.forEach((_, b) => {
    const own = painted.subarray(b * cells, (b + 1) * cells);
    const counts = new Array<number>(steps).fill(0);
    for (const step of own) counts[step]!++;
    counts.forEach((count, t) => {
      const d = degrees.indexOf(count);
      if (d >= 0) histogram[t]![d]!++;
    });
    const before = counts.map((_, t) => counts.slice(0, t).reduce((sum, count) => sum + count, 0));
    own.forEach((step, cell) => {
      const place = before[step]! + (counts[step]! - 1) / 2;
      places[cell]! += place / Math.max(1, cells - 1) / lengths.length;
    });
  });
  return { degrees: [...degrees], histogram, painted_at: places, width: Math.sqrt(cells) };
}
