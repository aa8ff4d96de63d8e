/**
 * The quantile at `level` in [0, 1] of numbers in rising order, with linear interpolation between neighbours: definition
 * 7 of Hyndman and Fan 1996, the usual one of NumPy and R.
 *
 * @throws {RangeError} for no numbers, and for a level outside [0, 1].
 */
export function quantile(sorted: ArrayLike<number>, level: number): number {
  if (sorted.length === 0 || !(level >= 0 && level <= 1)) {
    throw new RangeError(
      `Cannot take the quantile: wanted at least one number and a level from 0 to 1, got ${sorted.length} and ${level}`,
    );
  }
  const at = level * (sorted.length - 1), below = Math.floor(at);
  const low = sorted[below]!, high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (at - below) * (high - low);
}
