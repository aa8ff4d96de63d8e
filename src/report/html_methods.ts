import { digits3, percent, short, withInterval } from "./html_numbers.ts";
import { type Html, inlineSvg, markup } from "./html_template.ts";
import { bestBySteps, byFrechet, nameOf } from "./policy_report_comparison.ts";
import type { MethodScore, PolicyEvaluation } from "./run_record.ts";
import { type ScatterPoint, scatterSvg } from "./scatter.ts";

/** Families in the order of plots and legends. */
const families = [
  { family: "policy", name: "policy" },
  { family: "arpg", name: "ARPG's rule" },
  { family: "hand", name: "best by hand" },
] as const;

/** Frechet distance over mean steps and over time: the best of each family at each number of steps, the others pale. */
export async function paretoPlots({ methods, held_out }: PolicyEvaluation): Promise<Html> {
  const [steps, time] = await Promise.all([
    paretoSvg(methods, "Frechet distance by steps", "steps on average", "mean_steps"),
    paretoSvg(methods, "Frechet distance by time", "milliseconds per picture", "milliseconds"),
  ]);
  if (!steps && !time) return markup`<p class="missing">No plot: no method has both Frechet distance and steps.</p>`;
  return markup`<div class="pair">${steps && inlineSvg(steps, "steps", "Frechet distance over mean steps")}${
    time && inlineSvg(time, "time", "Frechet distance over milliseconds per picture")
  }</div><p class="fine">Lower and further left is better; both axes are by factors. Bars are 95 % bootstrap intervals. Of
    each family the best at each number of steps is joined up; the pale points are others, as far as they lie in between.
    Held-out real pictures have a Frechet distance of ${digits3(held_out.frechet)}.</p>`;
}

/** The plot of one of them as an SVG document; null where no method has both measures. */
export async function paretoSvg(
  methods: readonly MethodScore[],
  title: string,
  xTitle: string,
  x: "mean_steps" | "milliseconds",
): Promise<string | null> {
  const point = (method: MethodScore): ScatterPoint => ({
    x: method[x],
    y: method.frechet.value,
    low: method.frechet.low,
    high: method.frechet.high,
  });
  const usable = methods.filter((method) => Object.values(point(method)).every((v) => v > 0 && v < Infinity));
  if (usable.length === 0) return null;
  const series = families.flatMap(({ family, name }) => {
    const { best, others } = bestBySteps(usable.filter((method) => method.family === family));
    const sorted = best.toSorted((a, b) => a[x] - b[x]);
    return best.length ? [{ name, points: sorted.map(point), others: others.map(point) }] : [];
  });
  const ticks = x === "mean_steps" ? { ticks: ticksOf(usable) } : {};
  const axes = { x: { title: xTitle, ...ticks }, y: { title: "Frechet distance" } };
  return await scatterSvg({ title, ...axes, series, width: 440, height: 320 });
}

/** Whole numbers of steps for an axis by factors, none close to the one before. */
function ticksOf(methods: readonly MethodScore[]): number[] {
  const steps = [...new Set(methods.map(({ target_steps }) => target_steps))].filter((value) => value > 0);
  return steps.toSorted((a, b) => a - b).reduce<number[]>((kept, value) => {
    return kept.length > 0 && value / kept.at(-1)! < 1.15 ? kept : [...kept, value];
  }, []);
}

interface Column {
  readonly name: string;
  readonly of: (method: MethodScore) => number;
  readonly show: (method: MethodScore) => Html | string;
  /** What is best; columns without are not judged. */
  readonly best?: "most" | "least";
}

/** Settings: columns where methods differ in them, else words under the table. */
const settings: readonly Column[] = [
  { name: "guidance", of: (m) => m.guidance, show: (m) => short(m.guidance) },
  { name: "temperature", of: (m) => m.temperature, show: (m) => short(m.temperature) },
];

const measures: readonly Column[] = [
  { name: "steps", of: (m) => m.mean_steps, show: (m) => m.mean_steps.toFixed(1) },
  { name: "ms", of: (m) => m.milliseconds, show: (m) => digits3(m.milliseconds) },
  { name: "Frechet", of: (m) => m.frechet.value, show: (m) => withInterval(m.frechet, digits3), best: "least" },
  { name: "accuracy", of: (m) => m.accuracy.value, show: (m) => withInterval(m.accuracy, percent), best: "most" },
  { name: "KID", of: (m) => m.kid, show: (m) => digits3(m.kid), best: "least" },
  { name: "IS", of: (m) => m.inception_score, show: (m) => digits3(m.inception_score), best: "most" },
  { name: "precision", of: (m) => m.precision, show: (m) => digits3(m.precision), best: "most" },
  { name: "recall", of: (m) => m.recall, show: (m) => digits3(m.recall), best: "most" },
  { name: "diversity", of: (m) => m.diversity, show: (m) => digits3(m.diversity) },
];

/** All methods by target steps and Frechet distance, the best of each number of steps bold. */
export function methodsTable({ methods, held_out, judge }: PolicyEvaluation): Html {
  const differs = ({ of }: Column) => new Set(methods.map(of)).size > 1;
  const columns = [...settings.filter(differs), ...measures];
  const shared = methods.length ? settings.filter((column) => !differs(column)) : [];
  const groups = [...Map.groupBy(methods, ({ target_steps }) => target_steps)].toSorted(([a], [b]) => a - b);
  const heading = (title: string) => markup`<tr class="group"><th colspan="${3 + columns.length}">${title}</th></tr>`;
  const bodies = groups.map(([steps, group]) => {
    const rows = byFrechet(group).map((method) => row(method, group, columns));
    return markup`<tbody>${heading(`target of ${short(steps)} steps`)}${rows}</tbody>`;
  });
  const real = new Map([["Frechet", digits3(held_out.frechet)], ["accuracy", percent(held_out.accuracy)]]);
  const names = columns.map(({ name }) => markup`<th class="number">${name}</th>`);
  return markup`<div class="scroll"><table class="data"><thead><tr><th>method</th><th>schedule</th><th>order</th>${names}</tr>
    </thead>${bodies}<tbody>${heading("for comparison")}<tr><th>held-out real pictures</th><td></td><td></td>${
    columns.map(({ name }) => markup`<td class="number">${real.get(name) ?? ""}</td>`)
  }</tr></tbody></table></div>
  <p class="fine">Sorted by Frechet distance, the best of each number of steps bold.${
    shared.map(({ name, show }) => markup` All have ${name} ${show(methods[0]!)}.`)
  } Accuracy: share of pictures that the judge (${judge}) reads as the wanted class. KID: kernel distance. IS: inception
    score on the judge's classes. Diversity: relative to real pictures.</p>`;
}

function row(method: MethodScore, group: readonly MethodScore[], columns: readonly Column[]): Html {
  const cells = columns.map(({ of, show, best }) => {
    const values = group.map(of).filter(Number.isFinite);
    const top = best === "most" ? Math.max(...values) : Math.min(...values);
    const stands = best !== undefined && of(method) === top && values.some((value) => value !== top);
    return markup`<td class="number">${stands ? markup`<b>${show(method)}</b>` : show(method)}</td>`;
  });
  const { family, schedule, order } = method;
  return markup`<tr class="${family}"><th>${nameOf(method)}</th><td>${schedule ?? "–"}</td><td>${
    order ?? "–"
  }</td>${cells}</tr>`;
}
