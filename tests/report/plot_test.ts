import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { curvesSvg, renderCurves } from "../../src/report/plot.ts";
import { fileTest } from "../support/file_test.ts";
import { decodePng } from "./decode_png.ts";

const AXES = { title: "Reward", x: { title: "policy update" }, y: { title: "mean reward" } };
const line = (name: string, ys: number[]) => ({ name, points: ys.map((y, x) => [x, y] as const) });

/** The curves' paths: the numbers after `d="M`, as [x, y] pairs per line. */
function curves(svg: string): [number, number][][] {
  const marks = [...svg.matchAll(/<g class="mark-line[^]*?<\/g>/g)].map(([group]) => group).join("");
  return [...marks.matchAll(/ d="([^"]+)"/g)].map(([, d]) =>
    [...d!.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)])
  );
}

Deno.test("curvesSvg writes titles, legend and references", async () => {
  const svg = await curvesSvg({
    ...AXES,
    series: [line("ours", [0, 1, 2]), line("a < b", [2, 1, 0])],
    references: [{ name: "pretrained", value: 1.5 }],
  });
  for (const text of ["Reward", "policy update", "mean reward", "ours", "a &lt; b", "pretrained"]) {
    assert.match(svg, new RegExp(`>${text}</text>`));
  }
  assert.equal(svg.match(/mark-rule role-mark/g)?.length, 1);
});

Deno.test("curvesSvg draws one line per series, and with smooth a rolling mean over each", async () => {
  const series = [line("a", [0, 6, 0, 6, 0]), line("b", [1, 1, 1, 1, 1])];
  assert.equal(curves(await curvesSvg({ ...AXES, series })).length, 2);
  const [raw, , smooth] = curves(await curvesSvg({ ...AXES, series, smooth: 3 }));
  // Means of three, of two at the ends: 3, 2, 4, 2, 3. The raw line tells which height stands for 0 and for 6.
  const [zero, six] = [raw![0]![1], raw![1]![1]];
  const means = smooth!.map(([, y]) => Math.round((6 * (y - zero)) / (six - zero)));
  assert.deepEqual(means, [3, 2, 4, 2, 3]);
});

Deno.test("curvesSvg shows a subtitle, and x by factors where asked to", async () => {
  const series = [{ name: "a", points: [[2, 1], [4, 1], [8, 1]] as const }];
  const svg = await curvesSvg({ ...AXES, subtitle: "of three", x: { title: "steps", log: true }, series });
  assert.match(svg, />of three<\/text>/);
  const [path] = curves(svg);
  const [first, second, third] = path!.map(([x]) => x) as [number, number, number];
  assert.ok(Math.abs(second - first - (third - second)) < 0.01, "equal factors, equal distances");
});

Deno.test("curvesSvg leaves a gap where y is not finite", async () => {
  const [path] = [...(await curvesSvg({ ...AXES, series: [line("a", [1, 2, NaN, 3, Infinity, 4])] })).matchAll(
    /mark-line[^]*? d="([^"]+)"/g,
  )].map(([, d]) => d!);
  assert.equal(path!.match(/M/g)?.length, 3);
  assert.doesNotMatch(path!, /NaN|Infinity/);
});

Deno.test("curvesSvg begins y at zero only if told to", async () => {
  const series = [line("a", [100, 101])];
  const zeroLabel = />0<\/text>[^]*mean reward/;
  const labels = (svg: string) => [...svg.matchAll(/>([\d.]+)<\/text>/g)].map(([, label]) => Number(label));
  assert.match(await curvesSvg({ ...AXES, y: { title: "mean reward", zero: true }, series }), zeroLabel);
  assert.ok(labels(await curvesSvg({ ...AXES, series })).filter((label) => label >= 100).length > 3);
});

Deno.test("curvesSvg counts whole steps in whole numbers", async () => {
  const svg = await curvesSvg({ ...AXES, series: [line("a", [100, 101, 102])] });
  const labels = [...svg.matchAll(/>([\d.]+)<\/text>/g)].map(([, label]) => Number(label));
  assert.deepEqual(labels.filter((label) => label < 100), [0, 1, 2]);
});

await fileTest(
  "renderCurves draws the plot as a PNG at twice its size, with text and the curves' colours",
  async () => {
    const series = [line("ours", [0, 1, 2]), line("baseline", [2, 1, 0])];
    const { width, height, pixels } = decodePng(await renderCurves({ ...AXES, series }));
    assert.ok(width > 1300 && width < 1700 && height > 700 && height < 1000, `${width}x${height}`);
    const counts = { blue: 0, orange: 0, ink: 0 };
    for (let i = 0; i < pixels.length; i += 4) {
      const color = pixels.subarray(i, i + 3).toHex();
      if (color === "0072b2") counts.blue++;
      if (color === "d55e00") counts.orange++;
      if (color === "222222") counts.ink++;
    }
    assert.ok(Math.min(counts.blue, counts.orange, counts.ink) > 1000, JSON.stringify(counts));
  },
);

Deno.test("curvesSvg names a plot without data and a wrong window", async () => {
  await assert.rejects(
    curvesSvg({ ...AXES, series: [line("a", [NaN])] }),
    new UserError('Cannot plot "Reward": no series has a finite point; record some first'),
  );
  await assert.rejects(
    curvesSvg({ ...AXES, series: [line("a", [1])], smooth: 0 }),
    new UserError('Cannot plot "Reward": smooth must be a whole number of points from 1 up, got 0'),
  );
});
