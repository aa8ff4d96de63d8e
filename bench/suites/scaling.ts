import { digitsModel, uniformDecoding } from "./digits_decoding.ts";
import { lstmCase } from "./step_cases.ts";
import { stippleStep } from "./steps.ts";
import type { Contender } from "../contender.ts";
import { uniform } from "../host_data.ts";
import { powerLawExponent } from "../statistics.ts";
import { stippleKernel } from "../stipple_contender.ts";
import { type Check, raceRow, type Row, type Setting, type SuiteResult } from "../suite.ts";
import { groupSizes } from "../../src/models/decode_schedule.ts";
import { attention } from "../../src/ops/attention.ts";
import { matmul } from "../../src/ops/matmul.ts";
import type { Device } from "../../src/tensor/device.ts";

/** A quantity that work grows with. */
interface Growth {
  readonly name: string;
  readonly sizes: readonly number[];
  /** The work's own exponent; the time's must not be above it by more than a tenth. */
  readonly exponent: number;
  make(size: number): Contender;
}

function matrices(device: Device, n: number): Contender {
  const inputs = [uniform(1, [n, n]), uniform(2, [n, n])];
  return stippleKernel(device, { name: "matmul_nn", inputs }, (a, b) => ({ record: () => [matmul(a!, b!)] }));
}

function causalAttention(device: Device, tokens: number): Contender {
  const inputs = [1, 2, 3].map((seed) => uniform(seed, [1, 8, tokens, 32]));
  return stippleKernel(device, { name: "attention", inputs }, (q, k, v) => ({
    record: () => [attention(q!, k!, v!, { visibility: "causal" })],
  }));
}

/** How time grows with batch, tokens and width, as the exponent of a power law. */
export async function scaling(setting: Setting): Promise<SuiteResult> {
  const { device, quick } = setting;
  const model = await digitsModel(device), groups = groupSizes("arccos", 8, model.config.cells);
  const growths: Growth[] = [
    { name: "matmul, width", sizes: [128, 256, 512, 1024], exponent: 3, make: (n) => matrices(device, n) },
    { name: "attention, tokens", sizes: [128, 256, 512, 1024], exponent: 2, make: (n) => causalAttention(device, n) },
    {
      name: "LSTM training step, batch",
      sizes: [8, 16, 32, 64],
      exponent: 1,
      make: (n) => stippleStep(device, lstmCase(n, 8)),
    },
    {
      name: "LSTM training step, tokens",
      sizes: [4, 8, 16, 32],
      exponent: 1,
      make: (n) => stippleStep(device, lstmCase(16, n)),
    },
    {
      name: "decoding in 8 steps, batch",
      sizes: [8, 16, 32, 64],
      exponent: 1,
      make: (n) => uniformDecoding(model, groups, n),
    },
  ];
  const rows: Row[] = [], checks: Check[] = [];
  for (const { name, sizes, exponent, make } of growths) {
    const points: [number, number][] = [];
    for (const size of quick ? sizes.slice(0, 3) : sizes) {
      const row = await raceRow(setting, { name: `${name} ${size}` }, () => make(size));
      rows.push(row);
      points.push([size, row.timings["stipple"]!.wall]);
    }
    checks.push({ name: `${name}: exponent`, value: powerLawExponent(points), kind: "most", wanted: exponent + 0.1 });
  }
  return { rows, checks };
}
