import { counted, digits3, percent, short } from "./html_numbers.ts";
import { type Html, markup } from "./html_template.ts";
import { byFrechet, nameOf } from "./policy_report_comparison.ts";
import type { MethodScore, PolicyEvaluation } from "./run_record.ts";

/** Seeds that have a column each; of more, mean and spread must do. */
const mostColumns = 6;

/** Mean and spread of every method over the seeds; null where there is one seed, or figures of none. */
export function seedsTable({ methods, seeds, samples }: PolicyEvaluation): Html | null {
  const known = methods.filter(({ by_seed }) => by_seed && by_seed.frechet.length > 1);
  if (known.length === 0) return null;
  const each = seeds.length <= mostColumns ? seeds : [];
  const names = ["Frechet, mean", "deviation", ...each.map((seed) => `seed ${seed}`), "below ARPG's rule"];
  const columns = [...names, "accuracy, mean", "deviation"];
  const groups = [...Map.groupBy(known, ({ target_steps }) => target_steps)].toSorted(([a], [b]) => a - b);
  const bodies = groups.map(([steps, group]) => {
    const rule = group.find(({ family }) => family === "arpg");
    const title = `target of ${short(steps)} steps`;
    return markup`<tbody><tr class="group"><th colspan="${columns.length + 1}">${title}</th></tr>${
      byFrechet(group).map((method) => row(method, rule, each.length))
    }</tbody>`;
  });
  return markup`<p class="fine">${counted(seeds.length)} seeds with ${
    counted(samples)
  } pictures of every method each. Methods
    share a seed's noise, so that they are compared within it: <q>below ARPG's rule</q> says for how many of the seeds the
    method's Frechet distance is below that of ARPG's own rule. The deviation is that of single seeds, over n &#8722; 1.</p>
    <div class="scroll"><table class="data"><thead><tr><th>method</th>${
    columns.map((name) => markup`<th class="number">${name}</th>`)
  }</tr></thead>${bodies}</table></div>`;
}

function row(method: MethodScore, rule: MethodScore | undefined, columns: number): Html {
  const { frechet, accuracy } = method.by_seed!;
  const theirs = rule?.by_seed?.frechet ?? [], pairs = Math.min(frechet.length, theirs.length);
  const below = frechet.filter((value, i) => value < theirs[i]!).length;
  const cells = [
    digits3(meanOf(frechet)),
    digits3(deviationOf(frechet)),
    ...Array.from({ length: columns }, (_, i) => digits3(frechet[i] ?? NaN)),
    method === rule || pairs === 0 ? "" : `${below} of ${pairs}`,
    percent(meanOf(accuracy)),
    percent(deviationOf(accuracy)),
  ];
  return markup`<tr class="${method.family}"><th>${nameOf(method)}</th>${
    cells.map((cell) => markup`<td class="number">${cell}</td>`)
  }</tr>`;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard deviation of the sample; NaN of a single value. */
function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
