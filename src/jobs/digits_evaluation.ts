import { join } from "node:path";
import { type DigitsScore, evaluateDigits, RealDigits } from "../eval/evaluate_digits.ts";
import { balancedLabels, paintDigits, type PaintedDigits } from "../eval/paint_digits.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import { comparisonGrid } from "../report/grid.ts";
import type { DigitsJob } from "./digits_ar_grpo.ts";
import { drawCurves } from "./digits_curves.ts";
import { digitSize } from "./digits_data.ts";
import { divergence, randomPixels } from "./digits_divergence.ts";
import type { Judges } from "./digits_judges.ts";
import { loadModel, makeGenerator } from "./digits_models.ts";
import { Interrupted, nextTurn } from "./phases.ts";
import { writeSamples } from "./digits_samples.ts";

/** Models of a run as people read them, above grids and in the table. */
const labelsOfModels: Readonly<Record<string, string>> = {
  random_pixels: "random pixels",
  pretrained: "pretrained",
  from_scratch: "from scratch",
  model: "after GRPO",
};

/** What `eval.json` says of one model. */
export interface ModelEvaluation extends DigitsScore {
  /** KL to the pretrained model in nats a pixel; null without one. */
  readonly klToPretrained: number | null;
}

/** What `eval.json` holds. */
export interface Evaluation {
  readonly samples: number;
  readonly seed: number;
  readonly adapter: string;
  /** Frechet distance of held-out real digits. */
  readonly frechetFloor: number;
  readonly models: Readonly<Record<string, ModelEvaluation>>;
}

/** Looks at a model in training: held-out judge, Frechet distance, a grid at a fixed seed. */
export class DigitsInspector {
  constructor(
    private readonly job: DigitsJob,
    private readonly judges: Judges,
    private readonly real: RealDigits,
    private readonly phase: string,
    private readonly model: LstmGenerator,
  ) {}

  /** Called before the first update and after every one; looks at every `evaluate_every`-th. */
  async look(updates: number): Promise<Record<string, number>> {
    const { config: { grpo, evaluation }, classes, device } = this.job;
    if (updates % grpo.evaluate_every !== 0) return {};
    const labels = balancedLabels(grpo.evaluate_samples, classes);
    const painted = await paintDigits(device, this.model, labels, { seed: evaluation.seed + 1, temperature: 1 });
    const file = `${this.phase}_${String(updates).padStart(4, "0")}`;
    await writeGrid(
      this.job,
      this.real,
      file,
      `${this.phase === "grpo" ? "GRPO" : "from scratch"}, ${updates} updates`,
      painted,
    );
    const { a, b, frechet, diversity } = await evaluateDigits(device, this.judges, painted, this.real);
    return {
      judge_a_accuracy: a.accuracy,
      judge_a_confidence: a.confidence,
      judge_b_accuracy: b.accuracy,
      judge_b_confidence: b.confidence,
      frechet,
      diversity,
    };
  }
}

/** Evaluates random pixels and every model of the run; writes eval.json, samples and curves; returns a table. */
export async function evaluateModels(job: DigitsJob, judges: Judges, real: RealDigits): Promise<string> {
  const { device, config, run, classes } = job;
  const { samples, seed } = config.evaluation;
  const labels = balancedLabels(samples, classes);
  const names = [
    ...(config.from_scratch ? [] : ["pretrained"]),
    ...(config.from_scratch || config.scratch.updates > 0 ? ["from_scratch"] : []),
    ...(config.from_scratch ? [] : ["model"]),
  ];
  const reference = config.from_scratch ? null : makeGenerator(device, config);
  if (reference) await loadModel(run, "pretrained", reference);
  const models: Record<string, ModelEvaluation> = {};
  const evaluate = async (name: string, model: LstmGenerator | null, painted: PaintedDigits) => {
    await nextTurn();
    if (job.signal.aborted) throw new Interrupted();
    const score = await evaluateDigits(device, judges, painted, real);
    const klToPretrained = reference && await divergence(device, model, reference, painted);
    models[name] = { ...score, klToPretrained };
    await writeGrid(job, real, name, labelsOfModels[name]!, painted);
    await writeSamples(join(run.samples, `${name}.npz`), painted);
  };
  await evaluate("random_pixels", null, randomPixels(labels, digitSize ** 2, seed));
  for (const name of names) {
    const model = makeGenerator(device, config);
    await loadModel(run, name, model);
    await evaluate(name, model, await paintDigits(device, model, labels, { seed, temperature: 1 }));
  }
  const { frechetFloor } = real;
  const found: Evaluation = { samples, seed, adapter: device.gpu.adapter.name, frechetFloor, models };
  await run.writeJson("eval.json", JSON.parse(JSON.stringify(found)));
  await drawCurves(run, frechetFloor, config.grpo.evaluate_samples);
  return table(found);
}

/** Painted digits, a row a class, beside real ones. */
async function writeGrid(
  { run, classes }: DigitsJob,
  real: RealDigits,
  file: string,
  label: string,
  painted: PaintedDigits,
): Promise<void> {
  const columns = 10, rows = classes.length;
  const take = ({ images, labels }: PaintedDigits) => {
    const area = digitSize ** 2;
    const grid = new Uint8Array(rows * columns * area);
    classes.forEach((wanted, row) => {
      const found = [...labels.keys()].filter((i) => labels[i] === wanted).slice(0, columns);
      found.forEach((i, column) =>
        grid.set(images.subarray(i * area, (i + 1) * area), (row * columns + column) * area)
      );
    });
    return grid;
  };
  const panels = [{ label, images: take(painted) }, { label: "real digits", images: take(real.examples) }];
  await run.writeBytes(`samples/${file}.png`, await comparisonGrid(panels, { size: digitSize, columns, scale: 4 }));
}

function table({ models, frechetFloor, samples }: Evaluation): string {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const rows = Object.entries(models).map(([name, { a, b, frechet, diversity, klToPretrained }]) => [
    labelsOfModels[name]!,
    percent(a.accuracy),
    percent(a.confidence),
    percent(b.accuracy),
    percent(b.confidence),
    frechet.toFixed(2),
    diversity.toFixed(2),
    klToPretrained === null ? "-" : klToPretrained.toFixed(3),
  ]);
  const head = [
    "model",
    "A accuracy",
    "A confidence",
    "B accuracy",
    "B confidence",
    "Frechet",
    "diversity",
    "KL/pixel",
  ];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ");
  return [
    line(head),
    ...rows.map(line),
    `${samples} samples each; Frechet distance of held-out real digits ${
      frechetFloor.toFixed(2)
    }; judge B is in no reward`,
  ].join("\n");
}
