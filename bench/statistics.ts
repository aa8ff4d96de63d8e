/** The middle of the values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), half = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/**
 * The exponent e of the power law `y = a x^e` nearest to the points: the slope of the least-squares line through
 * `(log x, log y)`.
 *
 * @throws {RangeError} for fewer than two different x, and for values that have no logarithm.
 */
export function powerLawExponent(points: readonly (readonly [x: number, y: number])[]): number {
  if (new Set(points.map(([x]) => x)).size < 2) {
    throw new RangeError(`Cannot fit a power law: wanted two different x or more, got ${points.length} points`);
  }
  const bad = points.find((point) => point.some((value) => !(value > 0 && value < Infinity)));
  if (bad) throw new RangeError(`Cannot fit a power law: x and y must be positive, got (${bad.join(", ")})`);
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length;
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
