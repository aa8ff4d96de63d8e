import type { MetricsRecord } from "../io/metrics_log.ts";
import { type Html, inlineSvg, markup } from "./html_template.ts";
import { curvesSvg, type Series } from "./plot.ts";
import { stepOf } from "./run_record.ts";

type Point = readonly [x: number, y: number];

/** Curves that belong into one plot, by the names of their numbers. */
interface Family {
  readonly title: string;
  readonly unit: string;
  readonly names: RegExp;
  readonly zero?: boolean;
  readonly reference?: { readonly name: string; readonly value: number };
}

/** In the order of the page; a number belongs to the first family that has it. */
const families: readonly Family[] = [
  { title: "Reward", unit: "mean reward", names: /^reward$/ },
  {
    title: "Reward above the hand schedule",
    unit: "difference, same noise",
    names: /^reward_above_hand$/,
    reference: { name: "hand schedule", value: 0 },
  },
  { title: "Held-out Frechet distance", unit: "Frechet distance", names: /^(held_out_)?frechet$/ },
  { title: "Accuracy under the judges", unit: "share read as wanted", names: /(^|_)accuracy$/ },
  {
    title: "Scores of the discriminator",
    unit: "mean probability of real",
    names: /^discriminator_(real|painted)$/,
    reference: { name: "cannot tell", value: 0.5 },
  },
  { title: "Loss of the discriminator", unit: "cross-entropy", names: /^discriminator_loss$/ },
  { title: "Price of quality", unit: "lambda", names: /^efficiency_lambda$/, zero: true },
  { title: "Loss", unit: "loss", names: /(^|_)loss$/ },
  { title: "Steps of a painting", unit: "steps", names: /^steps(_|$)/, zero: true },
  { title: "Entropy of the decisions", unit: "share of the largest", names: /^entropy/, zero: true },
  { title: "Divergence from the reference", unit: "KL, nats", names: /^kl(_|$)/ },
  { title: "Clipped decisions", unit: "share", names: /^clip/, zero: true },
  { title: "Norm of the gradient", unit: "norm", names: /^grad_norm/, zero: true },
  { title: "Seconds an update", unit: "seconds", names: /^seconds/, zero: true },
];

/** What tells where a record stands; no curves. */
const positions = new Set(["step", "updates", "epoch"]);

/** Points drawn of a curve: of more, neighbours are averaged. */
const mostPoints = 500;
/** From so many points on, a rolling mean is drawn over the pale raw curve. */
const smoothedFrom = 40;

/**
 * Every number of the records that changes over the steps, as small plots by phase, with a rolling mean where there are
 * many points; null where nothing can be drawn.
 */
export async function trainingCurves(records: readonly MetricsRecord[]): Promise<Html | null> {
  const phases = [...Map.groupBy(records, ({ phase }) => String(phase))];
  // What was trained last is what the run is about.
  const parts = await Promise.all(phases.toReversed().map(([phase, own], i) => phaseCurves(phase, own, `curves${i}`)));
  const drawn = parts.filter((part) => part !== null);
  return drawn.length ? markup`${drawn}` : null;
}

async function phaseCurves(phase: string, records: readonly MetricsRecord[], key: string): Promise<Html | null> {
  const curves = curvesOf(records);
  const rest = [...curves.keys()].filter((name) => !families.some(({ names }) => names.test(name)));
  const groups: { family: Family; names: string[] }[] = [
    ...families.map((family) => ({ family, names: [...curves.keys()].filter((n) => firstFamily(n) === family) })),
    ...rest.map((name) => ({ family: { title: name.replaceAll("_", " "), unit: "", names: /^/ }, names: [name] })),
  ].filter(({ names }) => names.length > 0);
  if (groups.length === 0) return null;
  // Not "step" where paintings have steps of their own.
  const unit = phase === "grpo" || records.some(({ updates }) => updates !== undefined) ? "update" : "step";
  const plots = await Promise.all(groups.map(({ family, names }, i) => {
    const series = names.map((name) => ({ name: name.replaceAll("_", " "), points: curves.get(name)! }));
    return plot(family, series, unit, `${key}-${i}`);
  }));
  return markup`<h3>Phase <q>${phase}</q></h3><div class="curves">${plots}</div>`;
}

function firstFamily(name: string): Family | undefined {
  return families.find(({ names }) => names.test(name));
}

async function plot(family: Family, series: readonly Series[], unit: string, key: string): Promise<Html> {
  const { title, reference, zero = false } = family;
  const fewest = Math.min(...series.map(({ points }) => points.length));
  const svg = await curvesSvg({
    title,
    x: { title: unit },
    y: { title: family.unit, zero },
    series,
    ...(fewest >= smoothedFrom ? { smooth: Math.round(fewest / 20) } : {}),
    references: reference ? [reference] : [],
    width: 420,
    height: 190,
  });
  return inlineSvg(svg, key, `${title} over the ${unit}s`);
}

/** Numbers by name over the steps; those with two finite values or more. */
function curvesOf(records: readonly MetricsRecord[]): Map<string, Point[]> {
  const curves = new Map<string, Point[]>();
  for (const record of records) {
    const step = stepOf(record);
    if (step === undefined) continue;
    for (const [name, value] of Object.entries(record)) {
      if (typeof value !== "number" || positions.has(name)) continue;
      curves.getOrInsertComputed(name, () => []).push([step, value]);
    }
  }
  const drawable = [...curves].filter(([, points]) => points.filter(([, y]) => Number.isFinite(y)).length > 1);
  return new Map(drawable.map(([name, points]) => [name, thinned(points.toSorted(([a], [b]) => a - b))]));
}

/** At most {@link mostPoints} points, means of as many neighbours each. */
function thinned(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / mostPoints);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size);
    const mean = (axis: 0 | 1) => part.reduce((sum, point) => sum + point[axis], 0) / part.length;
    return [mean(0), mean(1)];
  });
}
