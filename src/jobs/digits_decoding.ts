import { DigitsYardstick, type PictureScore } from "../eval/digits_yardstick.ts";
import { balancedLabels } from "../eval/paint_digits.ts";
import type { ArpgPainter, PaintSettings } from "../eval/arpg_painter.ts";
import type { JsonValue } from "../io/json.ts";
import { readMetrics } from "../io/metrics_log.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { DecodeOrder } from "../models/decode_order.ts";
import type { DecodeSchedule } from "../models/decode_schedule.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { decodingPlots } from "./decoding_plots.ts";
import { inpaintDigits } from "./decoding_inpainting.ts";
import { loadFullDigits } from "./digits_data.ts";
import { type DigitsDecodingConfig, digitsDecodingSchema } from "./digits_decoding_config.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { loadJudge } from "./judge_file.ts";
import { openPainter } from "./open_painter.ts";
import { type Phase, PhaseRunner } from "./phases.ts";

/** A way to paint. */
export interface DecodingWay {
  readonly schedule: DecodeSchedule;
  readonly order: DecodeOrder;
  readonly steps: number;
  readonly guidance: number;
}

/** A way and what it is worth. */
export type DecodingRow = DecodingWay & PictureScore & {
  /** Milliseconds a picture, tokens and pixels, the adapter shared with nobody. */
  readonly milliseconds: number;
};

/** The ways of all slices, each once, in their order. */
export function waysOf({ slices }: Pick<DigitsDecodingConfig, "slices">): DecodingWay[] {
  const ways = new Map<string, DecodingWay>();
  for (const { schedules, orders, steps, guidance } of slices) {
    for (const schedule of schedules) {
      for (const order of orders) {
        for (const count of steps) {
          for (const scale of guidance) {
            const way = { schedule, order, steps: count, guidance: scale };
            ways.set(JSON.stringify(way), way);
          }
        }
      }
    }
  }
  return [...ways.values()];
}

/** One way a step. */
class WaysPhase implements Phase {
  readonly name = "ways";
  readonly steps: number;
  readonly #ways: readonly DecodingWay[];
  readonly #labels: Uint8Array;

  constructor(
    private readonly painter: ArpgPainter,
    private readonly yardstick: DigitsYardstick,
    private readonly config: DigitsDecodingConfig,
  ) {
    this.#ways = waysOf(config);
    this.steps = this.#ways.length;
    this.#labels = balancedLabels(config.samples, [...Array(10).keys()]);
  }

  state(): Map<string, Tensor> {
    return new Map();
  }

  restore(): void {}

  async step(n: number, log: (record: Record<string, JsonValue>) => void): Promise<string> {
    const way = this.#ways[n]!;
    const { seed, temperature } = this.config;
    const begin = performance.now();
    const { images } = await this.painter.paint(this.#labels, settingsOf(way, temperature, seed));
    const milliseconds = (performance.now() - begin) / this.#labels.length;
    const row: DecodingRow = {
      ...way,
      ...await this.yardstick.score({ images, labels: this.#labels }),
      milliseconds,
    };
    log({ ...row });
    return `${way.schedule} ${way.order} ${way.steps} steps guidance ${way.guidance}`;
  }
}

function settingsOf({ guidance, ...way }: DecodingWay, temperature: number, seed: number): PaintSettings {
  return { ...way, guidance: { scale: guidance, form: "constant" }, temperature, seed };
}

/** The job `digits_decoding`. */
export const digitsDecodingJob = defineJob(digitsDecodingSchema, runDigitsDecoding);

/**
 * Paints digits with a frozen ARPG in every way of the config, scores them under a held-out judge, and repairs
 * half-erased digits. Writes eval.json and plots.
 *
 * @returns the table.
 */
export async function runDigitsDecoding(
  device: Device,
  config: DigitsDecodingConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: 0 });
  const data = await loadFullDigits(config.data);
  const judge = await loadJudge(device, config.judge);
  const yardstick = await DigitsYardstick.measure(device, judge, data, config.samples);
  using painter = await openPainter(device, config.model, config.tokenizer, config.dtype);
  if (!runner.isDone("ways", ["ways", "inpainting"])) {
    await runner.begin("ways");
    await runner.steps(new WaysPhase(painter, yardstick, config));
  }
  await runner.begin("inpainting");
  const inpainting = config.inpainting.digits > 0
    ? await inpaintDigits(device, painter, judge, data.test, config, run)
    : null;
  const records = await readMetrics(run.metrics);
  const rows = records.filter(({ phase }) => phase === "ways") as unknown as DecodingRow[];
  await run.writeJson("eval.json", {
    adapter: device.gpu.adapter.name,
    samples: config.samples,
    seed: config.seed,
    temperature: config.temperature,
    model: config.model,
    held_out: { ...yardstick.heldOut },
    ways: rows.map((row) => ({ ...row })),
    inpainting: inpainting && { ...inpainting },
  });
  await decodingPlots(run, rows, yardstick.heldOut.frechet, config.samples);
  return tableOf(rows, yardstick.heldOut, inpainting);
}

function tableOf(
  rows: readonly DecodingRow[],
  heldOut: PictureScore,
  inpainting: Awaited<ReturnType<typeof inpaintDigits>> | null,
): string {
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i < 2 ? cell.padEnd(14) : cell.padStart(9)).join(" ");
  const score = ({ accuracy, frechet, diversity }: PictureScore) => [
    `${(100 * accuracy).toFixed(1)} %`,
    frechet.toFixed(2),
    diversity.toFixed(2),
  ];
  const lines = [
    line(["schedule", "order", "steps", "guidance", "accuracy", "Frechet", "diversity", "ms"]),
    ...rows.map((row) =>
      line([
        row.schedule,
        row.order,
        String(row.steps),
        String(row.guidance),
        ...score(row),
        row.milliseconds.toFixed(1),
      ])
    ),
    line(["held-out", "digits", "", "", ...score(heldOut), ""]),
  ];
  if (inpainting) {
    const { digits, original, erased, filled, filled_with_class, filled_from_erased } = inpainting;
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    lines.push(
      `${digits} held-out digits read rightly: ${percent(original)} whole, ${percent(erased)} with the right half ` +
        `erased, ${percent(filled)} filled in, ${percent(filled_with_class)} filled in with their class given, ` +
        `${percent(filled_from_erased)} filled in from the erased picture alone`,
    );
  }
  return lines.join("\n");
}
