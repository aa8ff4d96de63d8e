import { changeInWords, counted, digits3, percent, short } from "./html_numbers.ts";
import { type Html, markup } from "./html_template.ts";
import type { Headroom, PolicyEvaluation } from "./run_record.ts";

/** What the best of several orders for each picture is worth; null where no search was made. */
export function searchTable({ headroom = [] }: PolicyEvaluation): Html | null {
  // A search's first row is a single order: without a second there is nothing to compare it with.
  const searches = [...Map.groupBy(headroom, ({ steps }) => steps).values()].filter(({ length }) => length > 1);
  if (searches.length === 0) return null;
  const rows = searches.flatMap(([one, ...tried]) => [row(one!, null), ...tried.map((best) => row(best, one!))]);
  return markup`<p>A search paints every picture in several random orders from the same noise, with ARPG's own numbers of
    cells, and keeps the one that the reward likes best: a choice that no policy can make beforehand. What it gains under
    the judge, which the reward has not seen, is what the best of so many orders has to give; where it gains nothing, the
    order matters little, or the reward misjudges it.</p>
    <div class="scroll"><table class="data"><thead><tr><th>steps</th><th>orders</th>${
    ["mean reward", "Frechet", "against one order", "accuracy"].map((name) => markup`<th class="number">${name}</th>`)
  }</tr></thead><tbody>${rows}</tbody></table></div>
    <p class="fine">${
    counted(headroom[0]!.samples)
  } pictures a row, without intervals, at the guidance and temperature of
    ARPG's own rule. Frechet distances of so few are larger than those above: they compare with each other only. A realism reward is
    measured against the pictures that were chosen, so that its mean says little.</p>`;
}

function row(found: Headroom, one: Headroom | null): Html {
  const { steps, candidates, reward, frechet, accuracy } = found;
  const orders = one ? `the best of ${counted(candidates)}` : "one, ARPG's own rule";
  const figures = [
    digits3(reward),
    digits3(frechet),
    one ? changeInWords(frechet, one.frechet) : "",
    percent(accuracy),
  ];
  return markup`<tr><th>${one ? "" : short(steps)}</th><td>${orders}</td>${
    figures.map((figure) => markup`<td class="number">${figure}</td>`)
  }</tr>`;
}
