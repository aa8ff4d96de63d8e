/** How many cells a hand-made schedule paints at each step. */
export type DecodeSchedule = "arccos" | "cosine" | "linear" | "constant";

/** All of them. */
export const decodeSchedules: readonly DecodeSchedule[] = ["arccos", "cosine", "linear", "constant"];

/**
 * Cells of `n` that stay masked after `t` of `T` steps, before rounding: `n arccos(t / T) / (pi / 2)`,
 * `n cos(pi t / (2 T))` (MaskGIT, arXiv 2202.04200, section 3.3), `n (T - t) / T`.
 */
const maskedCells: Readonly<Record<Exclude<DecodeSchedule, "constant">, (n: number, t: number, T: number) => number>> =
  {
    arccos: (n, t, T) => n * Math.acos(t / T) / (Math.PI / 2),
    cosine: (n, t, T) => n * Math.cos(Math.PI / 2 * t / T),
    linear: (n, t, T) => n * (T - t) / T,
  };

/**
 * Cells painted at each of `steps` steps, each at least 1, `cells` in all. A step of `arccos`, `cosine` and `linear`
 * leaves the whole part of its masked cells, at least 1 and at most all but one of the unpainted, as the published ARPG
 * does; the last step takes the rest. `constant` paints equal groups, the larger ones first. There are never more steps than
 * cells.
 *
 * @param cells cells to paint.
 * @throws {RangeError} for numbers that are no positive integers.
 */
export function groupSizes(schedule: DecodeSchedule, steps: number, cells: number): number[] {
  for (const [name, value] of Object.entries({ steps, cells })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Cannot plan the decoding: ${name} must be a positive integer, got ${value}`);
    }
  }
  const count = Math.min(steps, cells);
  if (schedule === "constant") {
    return Array.from({ length: count }, (_, t) => Math.floor(cells / count) + (t < cells % count ? 1 : 0));
  }
  const groups: number[] = [];
  for (let unpainted = cells, t = 1; unpainted > 0; t++) {
    const wanted = t < count ? Math.max(1, Math.floor(maskedCells[schedule](cells, t, count))) : 0;
    const masked = Math.min(wanted, unpainted - 1);
    groups.push(unpainted - masked);
    unpainted = masked;
  }
  return groups;
}
