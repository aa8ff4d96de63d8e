import { DigitsYardstick, type PictureScore } from "../eval/digits_yardstick.ts";
import { balancedLabels } from "../eval/paint_digits.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { Guidance } from "../models/decode_step.ts";
import { comparisonGrid } from "../report/grid.ts";
import { Progress } from "../report/progress.ts";
import type { Device } from "../tensor/device.ts";
import { loadFullDigits } from "./digits_data.ts";
import type { DigitsArpgConfig } from "./digits_arpg_config.ts";
import { loadJudge } from "./judge_file.ts";
import { openPainter } from "./open_painter.ts";

const digits = [...Array(10).keys()];
/** Pictures of a grid: ten rounds through the classes. */
const shown = 100;

/**
 * Paints with a model file at every guidance of the config, temperature 1, scores under the held-out judge, and writes
 * eval.json and a grid of the best, by Frechet distance, beside real digits.
 *
 * @returns the scores as a table.
 */
export async function evaluateArpg(
  device: Device,
  config: DigitsArpgConfig,
  run: RunDirectory,
  file: string,
): Promise<string> {
  const { judge, samples, steps, guidance, seed } = config.evaluation;
  const data = await loadFullDigits(config.data);
  const yardstick = await DigitsYardstick.measure(device, await loadJudge(device, judge), data, samples);
  using painter = await openPainter(device, file, config.tokenizer);
  const labels = balancedLabels(samples, digits);
  const found: { guidance: Guidance; score: PictureScore; images: Uint8Array }[] = [];
  const forms = (["constant", "linear"] as const).flatMap((form) => guidance[form].map((scale) => ({ form, scale })));
  using progress = new Progress(forms.length);
  for (const guidance of forms) {
    const { images } = await painter.paint(labels, {
      schedule: "arccos",
      order: "random",
      steps,
      guidance,
      temperature: 1,
      seed,
    });
    found.push({ guidance, score: await yardstick.score({ images, labels }), images });
    progress.update(found.length, `evaluate guidance ${nameOf(guidance)}`);
  }
  const best = found.reduce((a, b) => b.score.frechet < a.score.frechet ? b : a);
  await run.writeJson("eval.json", {
    adapter: device.gpu.adapter.name,
    samples,
    steps,
    schedule: "arccos",
    order: "random",
    seed,
    best_guidance: { ...best.guidance },
    held_out: { ...yardstick.heldOut },
    guidance: found.map(({ guidance, score }) => ({ ...guidance, ...score })),
  });
  const area = data.test.size ** 2;
  const panels = [
    { label: "painted", images: best.images.subarray(0, shown * area) },
    { label: "held-out digits", images: data.test.images.subarray(0, shown * area) },
  ];
  const layout = { size: data.test.size, columns: digits.length, scale: 2 };
  await run.writeBytes("samples/painted.png", await comparisonGrid(panels, layout));
  const row = (name: string, { accuracy, frechet, diversity }: PictureScore) =>
    [name.padEnd(22), `${(100 * accuracy).toFixed(1)} %`, frechet.toFixed(2), diversity.toFixed(2)].join("  ");
  return [
    `${samples} pictures, ${steps} steps, arccos, random order: accuracy, Frechet distance, diversity`,
    ...found.map(({ guidance, score }) => row(`guidance ${nameOf(guidance)}`, score)),
    row("held-out digits", yardstick.heldOut),
  ].join("\n");
}

function nameOf({ scale, form }: Guidance): string {
  return form === "constant" ? String(scale) : `${form} to ${scale}`;
}
