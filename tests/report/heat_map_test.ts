import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { heatMapSvg } from "../../src/report/heat_map.ts";

const cell = { width: 20, height: 10 };

/** Place and colour of each cell, in drawing order. */
function cells(svg: string): [x: number, y: number, color: string][] {
  const [group] = /<g class="mark-rect role-mark[^]*?<\/g>/.exec(svg)!;
  return [...group.matchAll(/ d="M([\d.]+),([\d.]+)h[^"]*" fill="([^"]+)"/g)]
    .map(([, x, y, color]) => [Math.round(Number(x)), Math.round(Number(y)), color!]);
}

Deno.test("heatMapSvg: first row on top, viridis over the domain, empty where a value is not finite", async () => {
  const svg = await heatMapSvg({
    title: "Cells",
    values: [[0, 1], [NaN, 2]],
    legend: "share",
    domain: [0, 1],
    cell,
  });
  const [dark, light] = ["rgb(68, 1, 84)", "rgb(253, 231, 37)"] as const;
  assert.deepEqual(cells(svg), [[0, 0, dark], [20, 0, light], [20, 10, light]]);
  assert.match(svg, />Cells<\/text>/);
  assert.match(svg, />share<\/text>/);
});

Deno.test("heatMapSvg names columns and rows, twice where names are equal, and writes values", async () => {
  const svg = await heatMapSvg({
    title: "Cells",
    values: [[0.123, 0.9]],
    x: { title: "step", names: [7, 7] },
    y: { title: "cells", names: [16] },
    legend: "share",
    domain: [0, 1],
    decimals: 2,
    cell,
  });
  assert.equal(cells(svg).length, 2);
  assert.equal(svg.match(/>7<\/text>/g)?.length, 2);
  for (const text of ["step", "cells", "16", "0.12", "0.90"]) assert.match(svg, new RegExp(`>${text}</text>`));
});

Deno.test("heatMapSvg names a plot without values", async () => {
  await assert.rejects(
    heatMapSvg({ title: "Cells", values: [[NaN]], legend: "share", domain: [0, 1], cell }),
    new UserError('Cannot plot "Cells": no value is finite'),
  );
});
