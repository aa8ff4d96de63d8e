/** Learning rate of a step, counted from 0. */
export type Schedule = (step: number) => number;

/** The same rate at every step. */
export function constant(rate: number): Schedule {
  return () => rate;
}

/** Half a cosine from `rate` at step 0 down to `floor` at step `steps`, and `floor` from there on. */
export function cosine(rate: number, floor: number, steps: number): Schedule {
  return (step) => floor + (rate - floor) * (1 + Math.cos(Math.PI * Math.min(1, step / steps))) / 2;
}

/**
 * Linear warm-up: `schedule` scaled by `(step + 1) / steps` during the first `steps` steps, so that the first step
 * already learns; unchanged afterwards.
 */
export function warmup(steps: number, schedule: Schedule): Schedule {
  return (step) => schedule(step) * Math.min(1, (step + 1) / Math.max(1, steps));
}
