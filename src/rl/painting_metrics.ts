/** What paintings of an update say of how they were painted, from the step of every cell; on the host. */

/** Sizes of a batch of paintings. */
export interface PaintingSizes {
  /** N. */
  readonly cells: number;
  /** T_max. */
  readonly steps: number;
}

/** Cells that each step of each painting painted, `[B][T]`. */
export function groupsOf(painted: ArrayLike<number>, { cells, steps }: PaintingSizes): number[][] {
  return Array.from({ length: painted.length / cells }, (_, b) => {
    const groups = new Array<number>(steps).fill(0);
    for (let cell = 0; cell < cells; cell++) {
      const step = painted[b * cells + cell]!;
      if (step >= 0) groups[step]!++;
    }
    return groups;
  });
}

/**
 * Metrics by name: steps a painting (mean, least, most), share of paintings that are complete, mean distance in cells
 * between two cells of one step, and the mean number of cells by step.
 *
 * @param painted `[B, N]`: the step that painted a cell, negative where none did.
 */
export function paintingMetrics(painted: ArrayLike<number>, sizes: PaintingSizes): Record<string, number> {
  const groups = groupsOf(painted, sizes);
  const steps = groups.map((counts) => counts.filter((count) => count > 0).length);
  const complete = groups.filter((counts) => counts.reduce((a, b) => a + b) === sizes.cells).length;
  return {
    steps_mean: steps.reduce((a, b) => a + b) / steps.length,
    steps_min: Math.min(...steps),
    steps_max: Math.max(...steps),
    completion_rate: complete / groups.length,
    pick_distance: pickDistance(painted, sizes),
    ...Object.fromEntries(
      Array.from({ length: sizes.steps }, (_, t) => {
        const active = groups.map((counts) => counts[t]!).filter((count) => count > 0);
        return [`degree_step_${t}`, active.length ? active.reduce((a, b) => a + b) / active.length : 0];
      }),
    ),
  };
}

/** Mean distance between two cells that were painted in one step; 0 where every step painted one. */
function pickDistance(painted: ArrayLike<number>, { cells }: PaintingSizes): number {
  const width = Math.sqrt(cells);
  let total = 0, pairs = 0;
  for (let start = 0; start < painted.length; start += cells) {
    for (let a = 0; a < cells; a++) {
      for (let b = 0; b < a; b++) {
        if (painted[start + a] !== painted[start + b] || painted[start + a]! < 0) continue;
        total += Math.hypot(Math.floor(a / width) - Math.floor(b / width), a % width - b % width);
        pairs++;
      }
    }
  }
  return pairs ? total / pairs : 0;
}
