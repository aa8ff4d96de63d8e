import type { Comparable } from "./record.ts";
import { markdownTable, shortNumber } from "./table.ts";

/** Changes within this share are taken for noise, as are those within the spread of the samples. */
const noise = 0.1;

/** The rows of two records side by side: times, and what became of them. */
export function comparePage(before: Comparable, after: Comparable): string {
  const lines: string[] = [];
  const describe = ({ date, version, adapter, quick }: Comparable) =>
    `${date}, ${version}, ${adapter}${quick ? " (quick: no measure)" : ""}`;
  lines.push(`A: ${describe(before)}`, `B: ${describe(after)}`);
  if (before.adapter !== after.adapter) lines.push("The adapters differ: times compare machines, not programs.");
  for (const [suite, { rows }] of Object.entries(before.suites)) {
    const later = after.suites[suite]?.rows;
    if (!later) continue;
    const both = rows.flatMap((row) => {
      const match = later.find(({ name }) => name === row.name);
      return match ? [{ name: row.name, a: row.timings.stipple, b: match.timings.stipple }] : [];
    });
    const only = [...missingIn(later, rows, "B"), ...missingIn(rows, later, "A")];
    lines.push("", `## ${suite}`, "");
    lines.push(...markdownTable(
      ["", "A ms", "B ms", "B / A", ""],
      both.map(({ name, a, b }) => [
        name,
        shortNumber(a.wall),
        shortNumber(b.wall),
        shortNumber(b.wall / a.wall),
        verdict(b.wall / a.wall, Math.max(noise, a.spread, b.spread)),
      ]),
    ));
    if (only.length) lines.push("", ...only);
  }
  return lines.join("\n");
}

function missingIn(there: readonly { name: string }[], rows: readonly { name: string }[], label: string): string[] {
  return rows.filter(({ name }) => !there.some((row) => row.name === name)).map(({ name }) =>
    `Not in ${label}: ${name}`
  );
}

/** `faster` or `slower` beyond what `within` explains, as a share; else nothing. */
export function verdict(ratio: number, within: number): string {
  if (ratio > 1 + within) return "slower";
  return ratio < 1 / (1 + within) ? "faster" : "";
}
