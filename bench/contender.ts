/** One program of a race. All contenders of a race compute the same from the same values. */
export interface Contender {
  /** `stipple`, or the package. */
  readonly name: string;
  /** Runs after which results are compared; default 1. Training shows its gradients in later losses. */
  readonly comparedRun?: number;
  /** Queues the work once. */
  run(): void | Promise<void>;
  /** Waits until all queued work is done. */
  settle(): Promise<void>;
  /** What the last run computed, in the layouts of Stipple. */
  results(): Promise<readonly ArrayLike<number>[]>;
  /** Gives its memory back. */
  dispose(): void;
}

/** Largest difference of a result's elements, as a share of the largest wanted element; the worst of all results. */
export function worstDifference(
  actual: readonly ArrayLike<number>[],
  wanted: readonly ArrayLike<number>[],
): number {
  if (actual.length !== wanted.length) {
    throw new RangeError(`Cannot compare ${actual.length} results with ${wanted.length}`);
  }
  return Math.max(...wanted.map((values, i) => difference(actual[i]!, values, i)));
}

function difference(actual: ArrayLike<number>, wanted: ArrayLike<number>, index: number): number {
  if (actual.length !== wanted.length) {
    throw new RangeError(`Cannot compare result ${index}: wanted ${wanted.length} elements, got ${actual.length}`);
  }
  let largest = 0, worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(actual[i]! - wanted[i]!);
    if (!(difference < Infinity)) return Infinity; // NaN too
    worst = Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(wanted[i]!));
  }
  return worst === 0 ? 0 : worst / largest;
}
