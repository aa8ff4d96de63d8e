import type { Headroom, MethodScore, PolicyEvaluation } from "../report/run_record.ts";

type Columns = readonly (readonly [heading: string, show: (method: MethodScore) => string])[];

const columns: Columns = [
  ["method", ({ name, mode }) => mode === null || name.includes(mode) ? name : `${name}, ${mode}`],
  ["steps", ({ mean_steps }) => mean_steps.toFixed(1)],
  ["ms", ({ milliseconds }) => milliseconds.toFixed(1)],
  ["guidance", ({ guidance }) => String(guidance)],
  ["temp.", ({ temperature }) => String(temperature)],
  ["Frechet", ({ frechet: { value, low, high } }) => `${shown(value)} [${shown(low)}, ${shown(high)}]`],
  ["accuracy", ({ accuracy: { value, low, high } }) => `${percent(value)} [${percent(low)}, ${percent(high)}] %`],
  ["KID", ({ kid }) => shown(kid)],
  ["IS", ({ inception_score }) => inception_score.toFixed(2)],
  ["precision", ({ precision }) => precision.toFixed(3)],
  ["recall", ({ recall }) => recall.toFixed(3)],
  ["diversity", ({ diversity }) => diversity.toFixed(2)],
];

/** An evaluation for the terminal: a table, by target steps and Frechet distance. */
export function evaluationTable(evaluation: PolicyEvaluation): string {
  const { methods, held_out, samples, seeds, headroom = [] } = evaluation;
  const byTarget = methods.toSorted((a, b) => a.target_steps - b.target_steps || a.frechet.value - b.frechet.value);
  const rows = [
    columns.map(([heading]) => heading),
    ...byTarget.map((method) => columns.map(([, show]) => show(method))),
  ];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")
  );
  return [
    ...lines,
    `${samples} pictures a method and seed, ${seeds.length} seed${
      seeds.length === 1 ? "" : "s"
    }, 95 % intervals; as many ` +
    `held-out real digits: Frechet distance ${shown(held_out.frechet)}, accuracy ${percent(held_out.accuracy)} %`,
    ...[...Map.groupBy(headroom, ({ steps }) => steps).values()].flatMap(headroomLine),
  ].join("\n");
}

/** What the search found at a number of steps: its first row is a single order. */
function headroomLine([one, best]: readonly Headroom[]): string[] {
  if (!one || !best) return [];
  const figures = ({ frechet, accuracy }: Headroom) => `${shown(frechet)}, ${percent(accuracy)} %`;
  return [
    `Search at ${one.steps} steps, ${one.samples} pictures: the best of ${best.candidates} orders by the reward has ` +
    `Frechet distance and accuracy ${figures(best)}; a single order ${figures(one)}`,
  ];
}

function shown(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "-";
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
