import { heatMapSvg } from "./heat_map.ts";
import { percent } from "./html_numbers.ts";
import { type Html, inlineSvg, markup } from "./html_template.ts";
import type { PolicyDecisions } from "./run_record.ts";

/** Largest grid whose cells have room for their numbers. */
const mostNamed = 12;

/** How many cells the policy paints at each step, and which cells come first. */
export async function decisionPlots(decisions: PolicyDecisions): Promise<Html> {
  const [degrees, order] = await Promise.all([degreePlot(decisions), orderPlot(decisions)]);
  return markup`<div class="pair">${degrees}${order}</div>`;
}

async function degreePlot({ degrees, histogram }: PolicyDecisions): Promise<Html> {
  const totals = histogram.map((counts) => counts.reduce((sum, count) => sum + count, 0));
  const steps = totals.findLastIndex((total) => total > 0) + 1;
  const used = degrees.map((_, d) => d).filter((d) => histogram.some((counts) => counts[d]! > 0)).toReversed();
  if (steps === 0) return markup`<p class="missing">No degrees: the policy decided nothing.</p>`;
  const svg = await heatMapSvg({
    title: "Cells painted at each step",
    // A degree that nobody chose stays empty, which tells it from a rare one.
    values: used.map((d) =>
      histogram.slice(0, steps).map((counts, t) => counts[d]! > 0 ? counts[d]! / totals[t]! : NaN)
    ),
    x: { title: "step", names: Array.from({ length: steps }, (_, t) => t + 1) },
    y: { title: "cells", names: used.map((d) => degrees[d]!) },
    legend: "share",
    domain: [0, 1],
    cell: { width: Math.max(4, Math.min(30, 330 / steps)), height: Math.max(6, Math.min(24, 300 / used.length)) },
  });
  return markup`<div>${inlineSvg(svg, "degrees", "Histogram of the degrees by step")}<p class="fine">Share among the
    pictures that are still being painted: ${percent(totals.at(steps - 1)! / totals[0]!)} of all reach step ${steps}${
    steps > 1
      ? markup`, ${percent(totals[Math.floor(steps / 2)]! / totals[0]!)} step ${Math.floor(steps / 2) + 1}`
      : null
  }.</p></div>`;
}

async function orderPlot({ painted_at, width }: PolicyDecisions): Promise<Html> {
  const rows = Array.from({ length: painted_at.length / width }, (_, y) => {
    return painted_at.slice(y * width, (y + 1) * width);
  });
  if (!painted_at.some(Number.isFinite)) return markup`<p class="missing">No order: no cell was painted.</p>`;
  const side = Math.max(4, Math.min(38, 300 / width));
  const svg = await heatMapSvg({
    title: "When a cell is painted",
    values: rows,
    legend: "share done",
    domain: [0, 1],
    ...(width <= mostNamed ? { decimals: 2 } : {}),
    cell: { width: side, height: side },
  });
  return markup`<div>${inlineSvg(svg, "order", "Mean share of the painting that is done when a cell is painted")}
    <p class="fine">Mean share of the painting that is done when the cell is painted: 0 first, 1 last. A random order has
    about the same share everywhere.</p></div>`;
}
