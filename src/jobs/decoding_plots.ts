import type { RunDirectory } from "../io/run_directory.ts";
import { renderCurves, type Series } from "../report/plot.ts";
import type { DecodingRow } from "./digits_decoding.ts";

/** What a plot tells apart, and what all its rows share. */
type Key = "schedule" | "order" | "guidance";

/**
 * Draws Frechet distance and accuracy over the steps, by schedule, by order and by guidance, wherever rows differ in
 * one of them alone: PNG files in `plots/`.
 *
 * @param floor Frechet distance of as many held-out digits.
 */
export async function decodingPlots(
  run: RunDirectory,
  rows: readonly DecodingRow[],
  floor: number,
  samples: number,
): Promise<void> {
  const others: Record<Key, readonly Key[]> = {
    schedule: ["order", "guidance"],
    order: ["schedule", "guidance"],
    guidance: ["schedule", "order"],
  };
  for (const key of ["schedule", "order", "guidance"] as const) {
    const [a, b] = others[key] as [Key, Key];
    // The largest set of rows that agree in the other two.
    const sets = [...Map.groupBy(rows, (row) => JSON.stringify([row[a], row[b]])).values()];
    const set = sets.reduce((most, each) => kinds(each, key) > kinds(most, key) ? each : most, sets[0]!);
    if (kinds(set, key) < 2) continue;
    const series = (value: (row: DecodingRow) => number): Series[] =>
      [...Map.groupBy(set.toSorted(byGuidance), (row) => row[key])].map(([name, group]) => ({
        name: key === "guidance" ? `guidance ${name}` : String(name),
        points: group.toSorted((p, q) => p.steps - q.steps).map((row) => [row.steps, value(row)] as const),
      }));
    const subtitle = `${a} ${set[0]![a]}, ${b} ${set[0]![b]}, ${samples} pictures each`;
    const x = { title: "steps", log: true };
    await run.writeBytes(
      `plots/frechet_by_${key}.png`,
      await renderCurves({
        title: `Frechet distance by ${key}`,
        subtitle,
        x,
        y: { title: "Frechet distance", zero: true },
        series: series(({ frechet }) => frechet),
        references: [{ name: "held-out real digits", value: floor }],
      }),
    );
    await run.writeBytes(
      `plots/accuracy_by_${key}.png`,
      await renderCurves({
        title: `Pictures read as the wanted digit, by ${key}`,
        subtitle,
        x,
        y: { title: "held-out judge's accuracy" },
        series: series(({ accuracy }) => accuracy),
      }),
    );
  }
}

function byGuidance(a: DecodingRow, b: DecodingRow): number {
  return a.guidance - b.guidance;
}

function kinds(rows: readonly DecodingRow[], key: Key): number {
  return new Set(rows.map((row) => row[key])).size;
}
