import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { scatterSvg } from "../../src/report/scatter.ts";

const axes = { title: "Quality", x: { title: "steps", ticks: [2, 4, 8] }, y: { title: "distance" } };
const point = (x: number, y: number) => ({ x, y, low: y * 0.9, high: y * 1.1 });

/** The groups of marks by kind, in drawing order. */
function marks(svg: string, kind: string): string[] {
  return [...svg.matchAll(new RegExp(`<g class="mark-${kind} role-mark[^]*?</g>`, "g"))].map(([group]) => group);
}

Deno.test("scatterSvg draws bars, joined points and pale others, the first series on top", async () => {
  const svg = await scatterSvg({
    ...axes,
    series: [
      { name: "policy", points: [point(4, 50)] },
      { name: "a < b", points: [point(2, 90), point(8, 40)], others: [point(2, 70), point(2, 1e6), point(0, 50)] },
    ],
  });
  for (const text of ["Quality", "steps", "distance", "policy", "a &lt; b", "2", "4", "8"]) {
    assert.match(svg, new RegExp(`>${text}</text>`));
  }
  const [pale, full] = marks(svg, "symbol").map((group) => [...group.matchAll(/<path[^>]* fill="(#\w+)"/g)]);
  assert.deepEqual(pale!.map(([, color]) => color), ["#D55E00"], "others beyond the axes are left out");
  assert.deepEqual(full!.map(([, color]) => color), ["#D55E00", "#D55E00", "#0072B2"]);
  assert.equal(marks(svg, "rule").join("").match(/<line/g)!.length, 3);
});

Deno.test("scatterSvg: equal factors are equal distances on both axes", async () => {
  const points = [point(2, 10), point(4, 20), point(8, 40)];
  const svg = await scatterSvg({ ...axes, series: [{ name: "a", points }] });
  const places = [...marks(svg, "symbol").at(-1)!.matchAll(/translate\(([\d.]+),([\d.]+)\)/g)]
    .map(([, x, y]) => [Number(x), Number(y)] as const);
  for (const axis of [0, 1] as const) {
    const [a, b, c] = places.map((place) => place[axis]) as [number, number, number];
    assert.ok(Math.abs(c - b - (b - a)) < 0.01 && a !== b, `${a} ${b} ${c}`);
  }
});

Deno.test("scatterSvg names a plot without points and numbers that have no place", async () => {
  await assert.rejects(
    scatterSvg({ ...axes, series: [{ name: "a", points: [] }] }),
    new UserError('Cannot plot "Quality": wanted points of positive finite numbers, got none'),
  );
  await assert.rejects(
    scatterSvg({ ...axes, series: [{ name: "a", points: [{ x: 2, y: 1, low: 0, high: NaN }] }] }),
    new UserError('Cannot plot "Quality": wanted points of positive finite numbers, got x 2, y 1 from 0 to NaN'),
  );
});
