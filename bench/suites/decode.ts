import { decodingFlops, digitsModel, raggedDecoding, uniformDecoding } from "./digits_decoding.ts";
import type { Contender } from "../contender.ts";
import { uniform } from "../host_data.ts";
import { race } from "../race.ts";
import { stippleKernel } from "../stipple_contender.ts";
import { type Check, raceRow, type Row, type Setting, type SuiteResult } from "../suite.ts";
import { type DecodeSchedule, decodeSchedules, groupSizes } from "../../src/models/decode_schedule.ts";
import type { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { matmul } from "../../src/ops/matmul.ts";

const batches = [1, 8, 64], largestBatch = 64;

/** Images per second of the digits model, and what samples cost that need fewer steps than others of their batch. */
export async function decode(setting: Setting): Promise<SuiteResult> {
  const { device, quick } = setting;
  const model = await digitsModel(device);
  const rate = await matmulRate(setting);
  const schedules: readonly DecodeSchedule[] = quick ? ["arccos"] : decodeSchedules;
  const steps = quick ? [4, 8, 49] : [4, 8, 16, 25, 49];
  const rows: Row[] = [];
  for (const schedule of schedules) {
    for (const count of steps) rows.push(...await decodings(setting, model, schedule, count, rate));
  }
  const time = (name: string) => rows.find((row) => row.name === name)!.timings["stipple"]!.wall;
  const few = time(title("arccos", 8, 1)), all = time(title("arccos", 49, 1));
  const checks: Check[] = [{ name: "batch 1: 49 steps / 8 steps", value: all / few, kind: "least", wanted: 3 }];
  for (const batch of raggedBatches(model.config.cells)) {
    const { row, ratio } = await raggedRow(setting, model, batch);
    rows.push(row);
    checks.push({ name: `${batch.name}: time / ${batch.reference}`, value: ratio, kind: "most", wanted: 1.25 });
  }
  const notes = [
    `The floor is the time of the model's products at ${rate.toFixed(1)} GFLOP/s, our matmul of 512 in this run.`,
    "ARPG-L at its published sizes: `deno task bench:arpg-l`.",
  ];
  return { rows, checks, notes };
}

const title = (schedule: DecodeSchedule, steps: number, batch: number) => `${schedule}, ${steps} steps, batch ${batch}`;

/** One row a batch size. A sample's tokens must not depend on the batch it is decoded in. */
async function decodings(
  setting: Setting,
  model: FrozenArpg,
  schedule: DecodeSchedule,
  steps: number,
  rate: number,
): Promise<Row[]> {
  const groups = groupSizes(schedule, steps, model.config.cells);
  const flops = decodingFlops(model.config, groups);
  const rows: Row[] = [];
  let alone: readonly number[] | null = null;
  for (const batch of batches) {
    const make = () => uniformDecoding(model, groups, batch);
    const first = (await tokensOf(make())).slice(0, model.config.cells);
    alone ??= first;
    if (first.some((token, i) => token !== alone![i])) {
      throw new Error(`${title(schedule, steps, batch)}: other tokens`);
    }
    const floor = batch === largestBatch ? { "floor ms": batch * flops / rate / 1e6 } : {};
    const figures = ({ wall }: { wall: number }) => ({ "images / s": 1000 * batch / wall, ...floor });
    rows.push(await raceRow(setting, { name: title(schedule, steps, batch) }, make, [], figures));
  }
  return rows;
}

/** A batch whose samples need different numbers of steps. */
interface RaggedBatch {
  readonly name: string;
  /** Sizes of the groups, sample by sample; samples of a kind share the array. */
  readonly groups: readonly (readonly number[])[];
  /**
   * What its time is compared with: the samples' shares of batches of the same size whose samples are all of their
   * kind, or the sum of smaller batches of each kind, planned on the device too: what is above it, samples that are
   * done cost.
   */
  readonly reference: "tokens' share" | "both apart, planned alike";
}

function raggedBatches(cells: number): RaggedBatch[] {
  const some = (count: number, steps: number): number[][] => Array(count).fill(groupSizes("constant", steps, cells));
  return [
    {
      name: "64 samples of 4, 8, 12 and 16 steps",
      groups: [4, 8, 12, 16].flatMap((steps) => some(16, steps)),
      reference: "tokens' share",
    },
    {
      name: "16 samples of 49 steps, 48 of one",
      groups: [...some(16, cells), ...some(48, 1)],
      reference: "both apart, planned alike",
    },
  ];
}

/** A sample must have the tokens that it has in a batch of its kind. */
async function raggedRow(setting: Setting, model: FrozenArpg, { name, groups, reference }: RaggedBatch) {
  const batch = groups.length, { cells } = model.config;
  const mixed = await tokensOf(raggedDecoding(model, groups));
  const row = await raceRow(setting, { name }, () => raggedDecoding(model, groups), [], ({ wall }) => ({
    "images / s": 1000 * batch / wall,
  }));
  let together = 0;
  for (const kind of new Set(groups)) {
    const members = groups.flatMap((one, b) => one === kind ? [b] : []);
    const same = await tokensOf(uniformDecoding(model, kind, batch));
    const wrong = members.find((b) => {
      return same.slice(b * cells, (b + 1) * cells).some((token, i) => token !== mixed[b * cells + i]);
    });
    if (wrong !== undefined) throw new Error(`${name}: sample ${wrong} has other tokens than in a batch of its kind`);
    together += reference === "both apart, planned alike"
      ? await timeOf(setting, raggedDecoding(model, members.map(() => kind)))
      : await timeOf(setting, uniformDecoding(model, kind, batch)) * members.length / batch;
  }
  return { row, ratio: row.timings["stipple"]!.wall / together };
}

async function tokensOf(contender: Contender): Promise<number[]> {
  try {
    return Array.from((await contender.results())[0]!);
  } finally {
    contender.dispose();
  }
}

/** Milliseconds of a run; frees the contender. */
async function timeOf({ pace }: Setting, contender: Contender): Promise<number> {
  try {
    const outcome = (await race([contender], pace)).get(contender.name)!;
    if ("refused" in outcome) throw new Error(outcome.refused);
    return outcome.timing.wall;
  } finally {
    contender.dispose();
  }
}

/** GFLOP/s of our product of 512 x 512 matrices. */
async function matmulRate(setting: Setting): Promise<number> {
  const inputs = [uniform(1, [512, 512]), uniform(2, [512, 512])];
  const wall = await timeOf(
    setting,
    stippleKernel(setting.device, { name: "matmul_nn", inputs }, (a, b) => ({ record: () => [matmul(a!, b!)] })),
  );
  return 2 * 512 ** 3 / wall / 1e6;
}
