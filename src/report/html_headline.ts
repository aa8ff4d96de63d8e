import { changeInWords, counted, digits3, percent, several, short, withInterval } from "./html_numbers.ts";
import { type Html, markup } from "./html_template.ts";
import { judgeError, type MatchedPair, matchedPairs, nameOf, relation } from "./policy_report_comparison.ts";
import type { Estimate, MethodScore, PolicyEvaluation } from "./run_record.ts";

/** What decides between two methods: less is better in all of them. */
interface Measure {
  readonly name: string;
  readonly of: (method: MethodScore) => Estimate;
  readonly show: (value: number) => string;
}

const measures: readonly Measure[] = [
  { name: "Frechet distance", of: ({ frechet }) => frechet, show: digits3 },
  { name: "Judge error", of: judgeError, show: percent },
  {
    name: "Milliseconds per picture",
    of: ({ milliseconds: value }) => ({ value, low: NaN, high: NaN }),
    show: digits3,
  },
];

/** Mean steps are called equal up to this factor. */
const sameSteps = 1.05;

/**
 * The policy against ARPG's own rule at matched mean steps: the way of the policy with the lowest Frechet distance in
 * full, all others in a table.
 */
export function headline({ methods, samples, seeds }: PolicyEvaluation): Html {
  const [first, ...others] = matchedPairs(methods);
  if (!first) {
    return markup`<p class="missing">No comparison: eval.json has no method of the families "policy" and "arpg" both.</p>`;
  }
  const { policy, arpg } = first;
  const choice = others.length
    ? " Of the policy's ways to decode the one with the lowest Frechet distance is shown."
    : "";
  const counts = `${counted(samples)} pictures a method, ${several(seeds.length, "seed")}`;
  return markup`<p class="lead">At ${short(policy.mean_steps)} steps on average, <b>${
    nameOf(policy)
  }</b> against ARPG's own
    rule (${nameOf(arpg)}) at ${short(arpg.mean_steps)} steps: ${summary(first)}.</p>
    ${stepsWarning(first)}<div class="cards">${measures.map((measure) => card(measure, first))}</div>
    <p class="fine">${counts}; 95 % bootstrap intervals. Milliseconds are measured without an interval.${choice}</p>
    ${others.length ? pairsTable([first, ...others]) : null}`;
}

/** What came out, in words. */
function summary(pair: MatchedPair): string {
  const [frechet, error, time] = measures.map((measure) => verdict(measure, pair)) as [Verdict, Verdict, Verdict];
  return `Frechet distance ${frechet.words}, judge error ${error.words}, time per picture ${time.change}`;
}

function stepsWarning({ policy, arpg }: MatchedPair): Html | null {
  const factor = policy.mean_steps / arpg.mean_steps;
  if (factor <= sameSteps && factor >= 1 / sameSteps) return null;
  return markup`<p class="caution">The steps are not matched: the nearest evaluation of ARPG's own rule has ${
    short(arpg.mean_steps)
  } steps, the policy ${short(policy.mean_steps)}. The plots below show both over the steps.</p>`;
}

interface Verdict {
  readonly tone: "better" | "worse" | "open";
  /** `13 % lower`. */
  readonly change: string;
  /** The change and what the intervals say of it. */
  readonly words: string;
}

function verdict({ of }: Measure, { policy, arpg }: MatchedPair): Verdict {
  const [ours, theirs] = [of(policy), of(arpg)];
  const change = changeInWords(ours.value, theirs.value);
  switch (relation(ours, theirs)) {
    case "below":
      return { tone: "better", change, words: `${change} (outside the intervals)` };
    case "above":
      return { tone: "worse", change, words: `${change} (outside the intervals)` };
    case "overlapping":
      return { tone: "open", change, words: `${change} (within the intervals: no difference shown)` };
    case "unknown":
      return { tone: "open", change, words: `${change} (no interval)` };
  }
}

function card(measure: Measure, pair: MatchedPair): Html {
  const { name, of, show } = measure;
  const [ours, theirs] = [of(pair.policy), of(pair.arpg)];
  const { tone, change, words } = verdict(measure, pair);
  const bounded = Number.isFinite(ours.low) && Number.isFinite(theirs.low);
  const row = (label: string, kind: string, estimate: Estimate) =>
    markup`<tr class="${kind}"><th>${label}</th><td>${
      bounded ? withInterval(estimate, show) : show(estimate.value)
    }</td></tr>`;
  return markup`<div class="card ${tone}"><h3>${name}</h3>
    <p class="change">${change}</p>
    <table>${row("policy", "policy", ours)}${row("ARPG's rule", "arpg", theirs)}</table>
    ${bounded ? whiskers(ours, theirs) : null}
    <p class="verdict">${words.slice(change.length).replace(/^ \((.*)\)$/, "$1")}</p></div>`;
}

/** Both intervals on one scale. */
function whiskers(ours: Estimate, theirs: Estimate): Html {
  const low = Math.min(ours.low, theirs.low), high = Math.max(ours.high, theirs.high);
  const place = (value: number) => (6 + 188 * (high > low ? (value - low) / (high - low) : 0.5)).toFixed(1);
  const line = (kind: string, y: number, { value, low, high }: Estimate) =>
    markup`<g class="${kind}"><line x1="${place(low)}" x2="${place(high)}" y1="${y}" y2="${y}"/><circle cx="${
      place(value)
    }" cy="${y}" r="4"/></g>`;
  return markup`<svg class="whiskers" viewBox="0 0 200 28" aria-hidden="true">${line("policy", 8, ours)}${
    line("arpg", 21, theirs)
  }</svg>`;
}

function pairsTable(pairs: readonly MatchedPair[]): Html {
  const rows = pairs.map((pair) => {
    const cells = measures.map((measure) => {
      const { tone, change, words } = verdict(measure, pair);
      return markup`<td class="${tone}" title="${words}">${change}</td>`;
    });
    const steps = markup`<td>${short(pair.policy.mean_steps)}</td><td>${short(pair.arpg.mean_steps)}</td>`;
    return markup`<tr><th>${nameOf(pair.policy)}</th>${steps}${cells}</tr>`;
  });
  return markup`<div class="scroll"><table class="data"><thead><tr><th>policy against ARPG's rule</th><th>steps</th>
    <th>rule's steps</th>${
    measures.map(({ name }) => markup`<th>${name}</th>`)
  }</tr></thead><tbody>${rows}</tbody></table>
    </div><p class="fine">Green and red: outside the 95 % intervals. Grey: within them, or without one.</p>`;
}
