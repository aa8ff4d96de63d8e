/** erf by its Maclaurin series, which converges everywhere and is exact to rounding for |x| < 4. */
export function erf(x: number): number {
  let term = x, total = x;
  for (let n = 1; n < 120; n++) {
    term *= -x * x / n;
    total += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * total;
}
