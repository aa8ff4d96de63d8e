import { Gpu } from "../gpu/gpu.ts";
import type { OpenedAdapter } from "../gpu/adapter.ts";
import { familyRuns, type HeavyOp, kernelFamilies, type KernelFamily, type KernelTable } from "../gpu/kernel_table.ts";
import { Device } from "../tensor/device.ts";
import type { TuningCase } from "./tuning_cases.ts";

/** One family at one piece of work. */
export interface Measurement {
  readonly family: KernelFamily;
  /** Time of one run. */
  readonly milliseconds: number;
  /** Largest difference from the plain kernels, as a part of their largest value. */
  readonly error: number;
}

/** Difference from the plain kernels beyond which a family is wrong on an adapter: sums in another order stay far below. */
export const mostError = 1e-3;

/** Shortest time worth believing, for a read alone waits 11 ms. */
const leastMilliseconds = 100;
const mostRuns = 1024;
const trials = 3;

/** Measures every family of the case's op that the adapter runs, the plain one first. */
export async function measure(adapter: OpenedAdapter, table: KernelTable, work: TuningCase): Promise<Measurement[]> {
  const families = kernelFamilies[work.op].filter((family) => familyRuns(family, adapter));
  const found: Measurement[] = [];
  let plain: readonly ArrayLike<number>[] = [];
  for (const family of families) {
    const device = new Device(new Gpu(adapter, undefined, { ...table, [work.op]: family }));
    const { values, milliseconds } = await runOn(device, work);
    device.gpu.pool.trim(); // the next family has a pool of its own
    if (family === "plain") plain = values;
    found.push({ family, milliseconds, error: largestError(values, plain) });
  }
  return found;
}

/** Results of the work and the time of one run; what it used is back in the pool then. */
async function runOn(device: Device, work: TuningCase) {
  using _scope = device.scope();
  const captured = device.capture(await work.prepare(device));
  captured.replay();
  const values = await device.read(captured.result);
  const milliseconds = await timeOf(() => captured.replay(), () => device.idle());
  captured.dispose();
  return { values, milliseconds };
}

/** Time of one run: the best of several trials of as many runs as take long enough together. */
async function timeOf(run: () => void, wait: () => Promise<void>): Promise<number> {
  const trial = async (runs: number) => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) run();
    await wait();
    return performance.now() - start;
  };
  let runs = 1, time = await trial(runs);
  while (time < leastMilliseconds && runs < mostRuns) time = await trial(runs *= 2);
  for (let i = 1; i < trials; i++) time = Math.min(time, await trial(runs));
  return time / runs;
}

function largestError(values: readonly ArrayLike<number>[], plain: readonly ArrayLike<number>[]): number {
  let worst = 0;
  values.forEach((tensor, t) => {
    const expected = plain[t]!;
    let most = 0, difference = 0;
    for (let i = 0; i < expected.length; i++) {
      most = Math.max(most, Math.abs(expected[i]!));
      const here = Math.abs(tensor[i]! - expected[i]!);
      difference = here <= difference ? difference : here; // NaN stays
    }
    const error = difference === 0 ? 0 : difference / most;
    worst = error <= worst ? worst : error;
  });
  return worst;
}

/** The family with the least time over an op's cases, each case counting alike; those that are wrong anywhere are out. */
export function fastest<O extends HeavyOp>(cases: readonly (readonly Measurement[])[]): KernelFamily<O> {
  const scores = cases[0]!.map(({ family }, i) => {
    const right = cases.every((measured) => measured[i]!.error <= mostError);
    const score = cases.reduce((sum, measured) => sum + Math.log(measured[i]!.milliseconds), 0);
    return { family, score: right ? score : Infinity };
  });
  return scores.reduce((best, each) => each.score < best.score ? each : best).family as KernelFamily<O>;
}
