import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { stepGrid } from "../../src/report/step_grid.ts";
import { viridis } from "../../src/report/viridis.ts";
import { fileTest } from "../support/file_test.ts";
import { decodePng } from "./decode_png.ts";

Deno.test("viridis: matplotlib's ends and middle, brighter all the way", () => {
  assert.deepEqual([viridis(0), viridis(0.5), viridis(1)], [[68, 1, 84], [33, 145, 140], [253, 231, 37]]);
  assert.deepEqual([viridis(-1), viridis(2)], [viridis(0), viridis(1)]);
  const luma = Array.from({ length: 65 }, (_, i) => {
    const [red, green, blue] = viridis(i / 64);
    return 0.299 * red + 0.587 * green + 0.114 * blue;
  });
  assert.ok(luma.every((value, i) => i === 0 || value > luma[i - 1]!));
});

await fileTest(
  "stepGrid: cells have the colour of their step, known ones are hatched, the legend stands below",
  async () => {
    const steps = Int32Array.of(0, 1, 2, -1, 2, 2, 1, 0);
    const { width, height, channels, pixels } = decodePng(
      await stepGrid({ steps, grid: 2, columns: 2, scale: 8, gap: 4 }),
    );
    const at = (
      x: number,
      y: number,
    ) => [...pixels.subarray((y * width + x) * channels, (y * width + x) * channels + 3)];
    for (const [cell, step] of steps.entries()) {
      if (step < 0) continue;
      const x = 4 + 20 * Math.floor(cell / 4) + 8 * (cell % 2), y = 4 + 8 * (Math.floor(cell / 2) % 2);
      for (const [dx, dy] of [[0, 0], [7, 7]] as const) assert.deepEqual(at(x + dx, y + dy), viridis(step / 2));
    }
    const hatched = new Set(Array.from({ length: 64 }, (_, i) => String(at(12 + i % 8, 12 + Math.floor(i / 8)))));
    assert.deepEqual(hatched, new Set(["216,216,216", "130,130,130"]));
    assert.deepEqual(at(22, 10), [255, 255, 255]);
    const below = new Set<string>();
    let ink = 0;
    for (let y = 24; y < height; y++) {
      for (let x = 0; x < width; x++) {
        below.add(String(at(x, y)));
        if (at(x, y).every((value) => value < 60)) ink++;
      }
    }
    for (const step of [0, 1, 2]) assert.ok(below.has(String(viridis(step / 2))), `no step ${step} in the legend`);
    assert.ok(below.has("130,130,130") && ink > 60, "known and words in the legend");
  },
);

await fileTest("stepGrid: total stretches the colours; without known cells the legend is narrower", async () => {
  const options = { grid: 1, columns: 1, scale: 4, gap: 0 };
  const one = decodePng(await stepGrid({ ...options, steps: Int32Array.of(3), total: 7 }));
  assert.deepEqual([...one.pixels.subarray(0, 3)], viridis(0.5));
  const known = decodePng(await stepGrid({ ...options, steps: Int32Array.of(-1), total: 7 }));
  assert.ok(known.width > one.width);
});

Deno.test("stepGrid: cells that are no whole images and steps beyond the total are refused", async () => {
  await assert.rejects(
    stepGrid({ steps: new Int32Array(5), grid: 2, columns: 2 }),
    new UserError("A grid of steps needs whole 2x2 images with steps from -1 to 0, got 5 cells with steps up to 0"),
  );
  await assert.rejects(
    stepGrid({ steps: Int32Array.of(0, 1, 2, 3), grid: 2, columns: 2, total: 3 }),
    new UserError("A grid of steps needs whole 2x2 images with steps from -1 to 2, got 4 cells with steps up to 3"),
  );
});
