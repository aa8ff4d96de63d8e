/**
 * Sizes of a tensor, outermost first; row-major. The letters used everywhere: `B` batch, `T` tokens or time steps,
 * `C` channels or features, `H` heads (or height beside `W` width), `D` head size, `V` vocabulary, `K` group size,
 * `M`, `N` rows and columns of a matrix.
 */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Last size. */
export function lastAxis(shape: Shape): number {
  return shape[shape.length - 1] ?? 1;
}

/** Number of rows along the last axis. */
export function rowsOf(shape: Shape): number {
  return sizeOf(shape) / lastAxis(shape);
}

/** `[2, 3]`. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** True where both have the same sizes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** Refuses a shape with sizes that are not positive integers. */
export function checkShape(shape: Shape, purpose: string): void {
  if (shape.every((n) => Number.isInteger(n) && n > 0)) return;
  throw new RangeError(
    `Cannot make ${purpose} of shape ${showShape(shape)}: every size must be a positive integer; ` +
      "leave out empty tensors",
  );
}

/** Refuses a tensor of another rank. */
export function requireRank(op: string, what: string, shape: Shape, rank: number | { atLeast: number }): void {
  const ok = typeof rank === "number" ? shape.length === rank : shape.length >= rank.atLeast;
  if (ok) return;
  const wanted = typeof rank === "number" ? `${rank}` : `at least ${rank.atLeast}`;
  throw new RangeError(`Cannot apply ${op}: ${what} must have ${wanted} axes, got shape ${showShape(shape)}`);
}

/** Refuses a shape other than the wanted one. */
export function requireShape(op: string, what: string, shape: Shape, wanted: Shape): void {
  if (sameShape(shape, wanted)) return;
  throw new RangeError(`Cannot apply ${op}: ${what} must have shape ${showShape(wanted)}, got ${showShape(shape)}`);
}

/** Non-negative axis number of `axis` (which may count from the end). */
export function resolveAxis(op: string, shape: Shape, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (Number.isInteger(axis) && resolved >= 0 && resolved < shape.length) return resolved;
  throw new RangeError(
    `Cannot apply ${op}: axis ${axis} is out of range for shape ${showShape(shape)}; ` +
      (shape.length ? `use ${-shape.length} to ${shape.length - 1}` : "a scalar has no axes"),
  );
}

/** Shape of `a` and `b` broadcast against each other by NumPy's rule. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const m = a[i - rank + a.length] ?? 1, n = b[i - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new RangeError(
        `Cannot ${op} ${showShape(a)} and ${showShape(b)}: sizes must be equal or 1, got ${m} and ${n} at axis ${i}`,
      );
    }
    return Math.max(m, n);
  });
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; step *= shape[i--]!) strides[i] = step;
  return strides;
}
