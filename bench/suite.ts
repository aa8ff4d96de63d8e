import type { Contender } from "./contender.ts";
import type { Peer } from "./peer.ts";
import type { Peak } from "./peak.ts";
import { type Pace, race, type Timing } from "./race.ts";
import type { Cost } from "../src/gpu/command_list.ts";
import type { Device } from "../src/tensor/device.ts";

/** What a suite runs with. */
export interface Setting {
  readonly device: Device;
  readonly peers: readonly Peer[];
  readonly pace: Pace;
  /** What the adapter reaches, measured in the same run. */
  readonly peak: Peak;
  /** Few repetitions and small sizes: to see that all of it runs. */
  readonly quick: boolean;
  /** Called with every row when it is there. */
  readonly report: (row: Row) => void;
}

/** A line of a suite's table, and a member of its JSON. */
export interface Row {
  readonly name: string;
  /** By contender; `stipple` is among them. */
  readonly timings: Readonly<Record<string, Timing>>;
  /** Why a peer has no timing. */
  readonly refused?: Readonly<Record<string, string>>;
  /** How far a peer's results are from ours, as a share of the largest element. */
  readonly differences?: Readonly<Record<string, number>>;
  /** Of a run of ours. */
  readonly gflops?: number;
  /** Of a run of ours. */
  readonly gbytes?: number;
  /** Share of the measured peak: of arithmetic or of memory, whichever is nearer. */
  readonly share?: number;
  /** Time of the faster of tfjs and jax-js over ours. */
  readonly ratio?: number;
  /** The same of CPU time, where a software adapter computes: what else the machine does weighs less on it. */
  readonly cpuRatio?: number;
  /** The ratio that we want. */
  readonly wanted?: number;
  /** What else the suite has to say, by column. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** A figure of a suite and what we want it to be. */
export interface Check {
  readonly name: string;
  readonly value: number;
  /** `least` where larger is better. */
  readonly kind: "least" | "most";
  readonly wanted: number;
}

/** What came of a suite. */
export interface SuiteResult {
  readonly rows: readonly Row[];
  readonly checks?: readonly Check[];
  /** What a reader of the table must know. */
  readonly notes?: readonly string[];
}

/** A suite of measurements. */
export type Suite = (setting: Setting) => Promise<SuiteResult>;

/** What a suite knows about a row before the race. */
export interface RowPlan {
  readonly name: string;
  readonly cost?: Cost;
  readonly wanted?: number;
}

/** A peer that may have no such op. */
export interface Rival {
  readonly name: string;
  open(): Contender | null | Promise<Contender | null>;
}

/** The peers whose faster one is the measure; ONNX Runtime does not train. */
const measures = ["tfjs", "jax-js"];

/** Checks and times ours and the peers', and frees them. `figuresOf` adds columns of the suite's own. */
export async function raceRow(
  { pace, peak, report }: Setting,
  { name, cost, wanted }: RowPlan,
  ours: () => Contender,
  rivals: readonly Rival[] = [],
  figuresOf?: (ours: Timing) => Readonly<Record<string, number>>,
): Promise<Row> {
  const contenders = [ours()];
  const refused: Record<string, string> = {};
  try {
    for (const rival of rivals) {
      try {
        const contender = await rival.open();
        if (contender) contenders.push(contender);
      } catch (error) {
        refused[rival.name] = String(error).split("\n")[0]!.slice(0, 200);
      }
    }
    const timings: Record<string, Timing> = {}, differences: Record<string, number> = {};
    for (const [contender, outcome] of await race(contenders, pace)) {
      if ("refused" in outcome) refused[contender] = outcome.refused;
      else {
        timings[contender] = outcome.timing;
        if (contender !== "stipple") differences[contender] = outcome.difference;
      }
    }
    const row = rowOf({ name, ...cost ? { cost } : {}, ...wanted ? { wanted } : {} }, timings, peak);
    const done: Row = {
      ...row,
      ...Object.keys(refused).length ? { refused } : {},
      ...Object.keys(differences).length ? { differences } : {},
      ...figuresOf ? { figures: figuresOf(timings["stipple"]!) } : {},
    };
    report(done);
    return done;
  } finally {
    for (const contender of contenders.toReversed()) contender.dispose();
  }
}

/** What follows from timings. */
export function rowOf({ name, cost, wanted }: RowPlan, timings: Row["timings"], peak: Peak): Row {
  const { wall, cpu } = timings["stipple"]!;
  const gflops = cost?.flops && cost.flops / wall / 1e6, gbytes = cost?.bytes && cost.bytes / wall / 1e6;
  const rivals = measures.flatMap((peer) => timings[peer] ?? []);
  const fastest = (of: "wall" | "cpu") => Math.min(...rivals.map((timing) => timing[of]));
  return {
    name,
    timings,
    ...gflops ? { gflops } : {},
    ...gbytes ? { gbytes } : {},
    ...gflops || gbytes ? { share: Math.max((gflops ?? 0) / peak.gflops, (gbytes ?? 0) / peak.gbytes) } : {},
    ...rivals.length ? { ratio: fastest("wall") / wall, cpuRatio: fastest("cpu") / cpu } : {},
    ...wanted ? { wanted } : {},
  };
}
