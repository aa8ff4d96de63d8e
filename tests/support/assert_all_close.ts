import { AssertionError } from "node:assert/strict";

/** How far two arrays may differ: `|a - e| <= tolerance * max(1, max |e|)`. */
export function assertAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "values",
): void {
  if (actual.length !== expected.length) {
    throw new AssertionError({ message: `${what}: ${actual.length} elements, expected ${expected.length}` });
  }
  let scale = 1;
  for (let i = 0; i < expected.length; i++) {
    const magnitude = Math.abs(expected[i]!);
    if (Number.isFinite(magnitude)) scale = Math.max(scale, magnitude);
  }
  let worst = 0, missed = 0;
  const first: string[] = [];
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!, e = expected[i]!;
    const error = Object.is(a, e) || a === e ? 0 : Math.abs(a - e);
    if (error <= tolerance * scale) {
      worst = Math.max(worst, error);
      continue;
    }
    missed++;
    if (!(error <= worst)) worst = error;
    if (first.length < 5) first.push(`[${i}] ${a} for ${e}`);
  }
  if (missed) {
    throw new AssertionError({
      message: `${what}: ${missed} of ${expected.length} elements are off, worst ${worst} ` +
        `(allowed ${tolerance} x ${scale}): ${first.join(", ")}`,
    });
  }
}
