import type { BenchRecord } from "./record.ts";
import type { Check, Row } from "./suite.ts";

/** A table in Markdown with columns of even width; numbers go to the right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(3, ...all.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => i ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => i ? `${"-".repeat(width - 1)}:` : "-".repeat(width)).join(" | ")} |`;
  return [line(header), rule, ...rows.map(line)];
}

/** Three significant digits, without an exponent: 1234, 12.3, 0.0123. Empty for what is not there. */
export function shortNumber(value: number | undefined): string {
  if (value === undefined) return "";
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) < 1e-4) return value === 0 ? "0" : value.toExponential(1);
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** A record as a page: the machine, then every suite's rows, checks and notes. */
export function recordPage(record: BenchRecord): string {
  const { adapter, driver, cores, deno, version, commit, date, peers, peak, suites, seconds, quick } = record;
  const lines = [
    `# Benchmarks of ${date}${quick ? " (quick: no measure)" : ""}`,
    "",
    `${adapter}${driver ? `, driver ${driver}` : ""}, ${cores} cores, Deno ${deno}. Stipple ${version}` +
    `${commit ? ` (${commit.slice(0, 7)})` : ""}${
      peers.map(({ name, version }) => `, ${name} ${version}`).join("")
    }. ` +
    `${Math.round(seconds)} s in all. Measured peak: ${shortNumber(peak.gflops)} GFLOP/s, ${
      shortNumber(peak.gbytes)
    } GB/s.`,
    "",
    "Times are medians in milliseconds, CPU times those of all cores together. `ratio` is the time of the faster of tfjs " +
    "and jax-js over ours.",
  ];
  for (const [name, { rows, checks = [], notes = [] }] of Object.entries(suites)) {
    lines.push("", `## ${name}`, "", ...suiteTable(rows));
    if (checks.length) lines.push("", ...checkTable(checks));
    for (const note of [...notes, ...refusals(rows)]) lines.push("", note);
  }
  return `${lines.join("\n")}\n`;
}

function suiteTable(rows: readonly Row[]): string[] {
  const others = new Set(rows.flatMap(({ timings }) => Object.keys(timings)));
  others.delete("stipple");
  const figures = new Set(rows.flatMap(({ figures = {} }) => Object.keys(figures)));
  const columns: [string, (row: Row) => string][] = [
    ["", ({ name }) => name],
    ["ms", ({ timings }) => shortNumber(timings["stipple"]?.wall)],
    ["CPU ms", ({ timings }) => shortNumber(timings["stipple"]?.cpu)],
    ["GFLOP/s", ({ gflops }) => shortNumber(gflops)],
    ["GB/s", ({ gbytes }) => shortNumber(gbytes)],
    ["of peak", ({ share }) => share === undefined ? "" : `${Math.round(100 * share)} %`],
    ...[...others].flatMap((peer): [string, (row: Row) => string][] => [
      [`${peer} ms`, ({ timings }) => shortNumber(timings[peer]?.wall)],
      [`${peer} CPU ms`, ({ timings }) => shortNumber(timings[peer]?.cpu)],
    ]),
    ["ratio", ({ ratio }) => shortNumber(ratio)],
    ["CPU ratio", ({ cpuRatio }) => shortNumber(cpuRatio)],
    ["wanted", ({ ratio, wanted }) => ratio === undefined ? "" : `${wanted}${ratio < wanted! ? " (missed)" : ""}`],
    ...[...figures].map((key): [string, (row: Row) => string] => [key, ({ figures }) => shortNumber(figures?.[key])]),
  ];
  const used = columns.filter(([title, cell]) => title === "" || rows.some((row) => cell(row) !== ""));
  return markdownTable(used.map(([title]) => title), rows.map((row) => used.map(([, cell]) => cell(row))));
}

function checkTable(checks: readonly Check[]): string[] {
  return markdownTable(
    ["figure", "value", "wanted"],
    checks.map((check) => [
      check.name,
      shortNumber(check.value),
      `at ${check.kind} ${check.wanted}${missed(check) ? " (missed)" : ""}`,
    ]),
  );
}

/** Whether a figure is not what we want. */
export function missed({ value, kind, wanted }: Check): boolean {
  return kind === "least" ? !(value >= wanted) : !(value <= wanted);
}

function refusals(rows: readonly Row[]): string[] {
  return rows.flatMap(({ name, refused = {} }) =>
    Object.entries(refused).map(([peer, reason]) => `Not timed: ${peer}, ${name}: ${reason}`)
  );
}
