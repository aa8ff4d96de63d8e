import process from "node:process";
import { type Contender, worstDifference } from "./contender.ts";
import { median } from "./statistics.ts";

/** How long a race takes. */
export interface Pace {
  /** Samples of every contender; odd numbers have a middle one. */
  readonly rounds: number;
  /** A sample runs for at least so long, or `mostRuns` times. */
  readonly milliseconds: number;
}

/** What a run costs: medians over the rounds. */
export interface Timing {
  /** Milliseconds that pass. */
  readonly wall: number;
  /** Milliseconds of all cores together; a software adapter computes on them. */
  readonly cpu: number;
  /** (Slowest sample - fastest) / median, of the wall time. */
  readonly spread: number;
  /** Runs in a sample. */
  readonly runs: number;
}

/** Peers hold the results of all runs of a sample. */
const mostRuns = 64;
/** Waits for nothing from which the price of a wait is taken. */
const waits = 5;

/** How far a peer's results may be from ours, as a share of the largest element. */
export const agreement = 1e-3;

/** What came of a race: a timing, or why there is none. */
export type Outcome = { readonly timing: Timing; readonly difference: number } | { readonly refused: string };

/**
 * Lets contenders run in turn. The first one's results are the measure: who computes something else, or fails, is not
 * timed. Contenders that are timed take turns, so that what disturbs the machine disturbs all of them.
 */
export async function race(contenders: readonly Contender[], pace: Pace): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const runners: { contender: Contender; wait: number; runs: number; difference: number; samples: Sample[] }[] = [];
  let wanted: readonly ArrayLike<number>[] | null = null;
  for (const contender of contenders) {
    try {
      for (let run = 0; run < (contender.comparedRun ?? 1); run++) await contender.run();
      await contender.settle();
      const results = await contender.results();
      const difference = worstDifference(results, wanted ??= results);
      if (difference <= agreement) {
        runners.push({ contender, wait: await priceOfWait(contender), runs: 1, difference, samples: [] });
      } else outcomes.set(contender.name, { refused: `its result differs by ${difference.toExponential(1)}` });
    } catch (error) {
      if (contender === contenders[0]) throw error; // ours must run
      outcomes.set(contender.name, { refused: String(error).split("\n")[0]!.slice(0, 200) });
    }
  }
  for (const runner of runners) {
    const { wall } = await sample(runner.contender, runner.wait, 2);
    runner.runs = Math.min(mostRuns, Math.max(1, Math.ceil(pace.milliseconds / wall)));
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (const { contender, wait, runs, samples } of runners) samples.push(await sample(contender, wait, runs));
  }
  for (const { contender, difference, runs, samples } of runners) {
    outcomes.set(contender.name, { timing: timingOf(samples, runs), difference });
  }
  return outcomes;
}

interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

/** Deno sleeps 10 ms in every wait for a GPU, whatever the work: what a wait for nothing takes at least. */
async function priceOfWait(contender: Contender): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < waits; i++) {
    const start = performance.now();
    await contender.settle();
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

/** Mean over some runs, in milliseconds. */
async function sample(contender: Contender, wait: number, runs: number): Promise<Sample> {
  const used = process.cpuUsage(), start = performance.now();
  for (let i = 0; i < runs; i++) await contender.run();
  await contender.settle();
  const wall = performance.now() - start, { user, system } = process.cpuUsage(used);
  return { wall: Math.max(wall - wait, 1e-3) / runs, cpu: (user + system) / 1000 / runs };
}

/** Medians of samples. */
export function timingOf(samples: readonly Sample[], runs: number): Timing {
  const walls = samples.map(({ wall }) => wall), middle = median(walls);
  return {
    wall: middle,
    cpu: median(samples.map(({ cpu }) => cpu)),
    spread: (Math.max(...walls) - Math.min(...walls)) / middle,
    runs,
  };
}
