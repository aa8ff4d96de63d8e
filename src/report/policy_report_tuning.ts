import { counted, digits3, several, short } from "./html_numbers.ts";
import { type Html, markup } from "./html_template.ts";
import { nameOf } from "./policy_report_comparison.ts";
import type { BriefMethodScore, PolicyEvaluation } from "./run_record.ts";

/** Frechet distance of every method at each guidance and temperature that was tried; null where there was no choice. */
export function tuningTable({ tuning = [], tuning_samples: samples, methods }: PolicyEvaluation): Html | null {
  if (tuning.length === 0) return null;
  const points = [...new Map(tuning.map((trial) => [keyOf(trial), trial])).values()]
    .toSorted((a, b) => a.temperature - b.temperature || a.guidance - b.guidance);
  const families = new Map(methods.map(({ name, family }) => [name, family]));
  const groups = [...Map.groupBy(tuning, ({ target_steps }) => target_steps)].toSorted(([a], [b]) => a - b);
  const chosen: BriefMethodScore[] = [];
  const bodies = groups.map(([steps, group]) => {
    const rows = [...Map.groupBy(group, nameOf)].map(([name, own]) => {
      const best = own.reduce((least, trial) => rank(trial) < rank(least) ? trial : least);
      chosen.push(best);
      const cells = points.map((point) => {
        const trial = own.find((each) => keyOf(each) === keyOf(point));
        const shown = digits3(trial?.frechet ?? NaN);
        return markup`<td class="number">${trial === best ? markup`<b>${shown}</b>` : shown}</td>`;
      });
      return markup`<tr class="${families.get(best.name) ?? ""}"><th>${name}</th>${cells}</tr>`;
    });
    const title = `target of ${short(steps)} steps`;
    return markup`<tbody><tr class="group"><th colspan="${1 + points.length}">${title}</th></tr>${rows}</tbody>`;
  });
  const oneTemperature = new Set(points.map(({ temperature }) => temperature)).size === 1;
  const heads = points.map(({ guidance, temperature }) => {
    const name = `guidance ${short(guidance)}`;
    return markup`<th class="number">${oneTemperature ? name : `${name}, temperature ${short(temperature)}`}</th>`;
  });
  return markup`<div class="scroll"><table class="data"><thead><tr><th>method</th>${heads}</tr></thead>${bodies}</table></div>
    <p class="fine">Frechet distance of ${
    samples === undefined ? "few" : counted(samples)
  } pictures each, from a seed that no
    other figure has${
    oneTemperature ? `, at temperature ${short(points[0]!.temperature)}` : ""
  }: they compare with each other
    only. Each method is scored in full at its bold one.${ends("guidance", chosen, tuning)}${
    ends("temperature", chosen, tuning)
  }</p>`;
}

/** Where the distance could not be measured, last. */
function rank({ frechet }: BriefMethodScore): number {
  return Number.isNaN(frechet) ? Infinity : frechet;
}

function keyOf({ guidance, temperature }: BriefMethodScore): string {
  return `${guidance} ${temperature}`;
}

/** Where what was chosen lies at the end of what was tried, something beyond may be better still. */
function ends(
  axis: "guidance" | "temperature",
  chosen: readonly BriefMethodScore[],
  tried: readonly BriefMethodScore[],
): string {
  const values = tried.map((trial) => trial[axis]);
  const most = values.reduce((a, b) => Math.max(a, b)), least = values.reduce((a, b) => Math.min(a, b));
  const at = chosen.filter((best) => best[axis] === most).length;
  if (most === least || at === 0) return "";
  return ` ${several(at, "method")} of ${chosen.length} ${
    at === 1 ? "is" : "are"
  } best at the highest ${axis} that was ` +
    `tried, ${short(most)}: a higher one may suit ${at === 1 ? "it" : "them"} better.`;
}
