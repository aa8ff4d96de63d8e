import { counted, digits3, percent, short } from "./html_numbers.ts";
import { type Html, markup } from "./html_template.ts";
import type { BriefMethodScore, PolicyEvaluation } from "./run_record.ts";

/** What few pictures said of a rule at a number of steps. */
interface Screened extends BriefMethodScore {
  readonly family: "arpg" | "hand";
  /** Whether it was then scored in full. */
  readonly finalist: boolean;
}

/**
 * Every schedule with every order, by few pictures at each number of steps, with ARPG's own rule where it was tried at the
 * same guidance and temperature; null where nothing was screened.
 */
export function screeningTable(evaluation: PolicyEvaluation): Html | null {
  const { tuning_samples: samples } = evaluation;
  const bySteps = [...Map.groupBy(screenedOf(evaluation), ({ target_steps }) => target_steps)]
    .toSorted(([a], [b]) => a - b);
  if (bySteps.length === 0) return null;
  const best = bySteps.map(([, group]) => Math.min(...group.map(({ frechet }) => frechet).filter(Number.isFinite)));
  const rules = [...Map.groupBy(bySteps.flatMap(([, group]) => group), ({ name }) => name)].map(([name, own]) => ({
    name,
    family: own[0]!.family,
    cells: bySteps.map(([steps]) => own.find(({ target_steps }) => target_steps === steps)),
  }));
  /** How far a rule is from the best, as a mean over the numbers of steps; one that misses some comes last. */
  const rank = ({ cells }: typeof rules[number]) =>
    cells.reduce((sum, cell, i) => sum + Math.log(cell ? cell.frechet / best[i]! : Infinity), 0);
  const sorted = rules.toSorted((a, b) => Number(rank(a) > rank(b)) - Number(rank(a) < rank(b)));
  const rows = sorted.map(({ name, family, cells }) =>
    markup`<tr class="${family}"><th>${name}</th>${cells.map((cell, i) => cellOf(cell, best[i]!))}</tr>`
  );
  const winners = bySteps.map(([steps, group], i) => {
    const { name, frechet } = group.find(({ frechet }) => frechet === best[i]) ?? group[0]!;
    return markup`<li>${short(steps)} steps: <b>${name}</b> with a Frechet distance of ${digits3(frechet)}${
      arpgOf(group)
    }</li>`;
  });
  const heads = bySteps.map(([steps, [first]]) =>
    markup`<th class="number">${short(steps)} steps, guidance ${short(first!.guidance)}, temperature ${
      short(first!.temperature)
    }</th>`
  );
  return markup`<p>Every schedule was tried with every order. The best by Frechet distance:</p><ul>${winners}</ul>
    <details><summary>All ${counted(rules.length)} rules</summary><div class="scroll"><table class="data"><thead>
    <tr><th>schedule, order</th>${heads}</tr></thead><tbody>${rows}</tbody></table></div></details>
    <p class="fine">Frechet distance and accuracy of ${
    samples === undefined ? "few" : counted(samples)
  } pictures each, at the
    guidance and temperature that suit ARPG's own rule: they compare with each other only, and small differences are chance.
    An asterisk marks what was then scored in full.</p>`;
}

/** The screened rules, and ARPG's own from its trials. */
function screenedOf({ screening = [], tuning = [], methods }: PolicyEvaluation): Screened[] {
  const rules = new Set(methods.filter(({ family }) => family === "arpg").map(({ name }) => name));
  const isSame = (a: BriefMethodScore, b: BriefMethodScore) =>
    a.target_steps === b.target_steps && a.guidance === b.guidance && a.temperature === b.temperature;
  const own = tuning.filter((trial) => rules.has(trial.name) && screening.some((other) => isSame(trial, other)));
  const inFull = ({ name, target_steps }: BriefMethodScore) =>
    methods.some((method) => method.name === name && method.target_steps === target_steps);
  return [
    ...screening.map((each) => ({ ...each, family: "hand" as const, finalist: inFull(each) })),
    ...own.map((each) => ({ ...each, family: "arpg" as const, finalist: inFull(each) })),
  ];
}

function arpgOf(group: readonly Screened[]): string {
  const own = group.find(({ family }) => family === "arpg");
  return own ? `, ARPG's own rule ${digits3(own.frechet)}` : "";
}

function cellOf(cell: Screened | undefined, best: number): Html {
  if (!cell) return markup`<td class="number">–</td>`;
  const { frechet, accuracy, finalist } = cell;
  const shown = `${digits3(frechet)}${finalist ? "*" : ""}`;
  return markup`<td class="number">${frechet === best ? markup`<b>${shown}</b>` : shown} <span class="interval">${
    percent(accuracy)
  }</span></td>`;
}
