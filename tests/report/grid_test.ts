import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { comparisonGrid, imageGrid } from "../../src/report/grid.ts";
import { fileTest } from "../support/file_test.ts";
import { decodePng } from "./decode_png.ts";

Deno.test("imageGrid places images in reading order, enlarged without smoothing, on white", () => {
  const images = new Uint8Array([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
  const { width, height, channels, pixels } = decodePng(imageGrid({ images, size: 2, columns: 2, scale: 2, gap: 1 }));
  assert.deepEqual([width, height, channels], [11, 11, 1]);
  const row = (y: number) => [...pixels.subarray(y * 11, y * 11 + 11)];
  const W = 255;
  assert.deepEqual(row(0), new Array(11).fill(W));
  assert.deepEqual(row(1), [W, 10, 10, 20, 20, W, 50, 50, 60, 60, W]);
  assert.deepEqual(row(2), row(1));
  assert.deepEqual(row(3), [W, 30, 30, 40, 40, W, 70, 70, 80, 80, W]);
  assert.deepEqual(row(5), new Array(11).fill(W));
  assert.deepEqual(row(6), [W, 90, 90, 100, 100, W, W, W, W, W, W]);
});

Deno.test("imageGrid draws RGB images and no wider than its images", () => {
  const images = new Uint8Array([1, 2, 3, 4, 5, 6]);
  const picture = decodePng(imageGrid({ images, size: 1, channels: 3, columns: 8, scale: 1, gap: 0 }));
  assert.deepEqual(picture, { width: 2, height: 1, channels: 3, pixels: images });
});

Deno.test("imageGrid enlarges eight times and leaves four pixels between images by default", () => {
  const { width, height } = decodePng(imageGrid({ images: new Uint8Array(3 * 64), size: 8, columns: 3 }));
  assert.deepEqual([width, height], [3 * 68 + 4, 68 + 4]);
});

Deno.test("imageGrid names bytes that are no whole images", () => {
  for (const length of [0, 65]) {
    assert.throws(
      () => imageGrid({ images: new Uint8Array(length), size: 8, columns: 4 }),
      new UserError(`A grid needs whole 8x8x1 images, got ${length} bytes: check size and channels`),
    );
  }
});

await fileTest("comparisonGrid sets grids side by side, unchanged, under their labels", async () => {
  const dark = { label: "model", images: new Uint8Array(4 * 16).fill(51) };
  const light = { label: "real <digits> & more", images: new Uint8Array(4 * 16).fill(153) };
  const { width, height, pixels } = decodePng(await comparisonGrid([dark, light], { size: 4, columns: 2, scale: 20 }));
  const counts = new Map<number, number>();
  const labelInk = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const grey = pixels[(y * width + x) * 4]!;
      counts.set(grey, (counts.get(grey) ?? 0) + 1);
      if (y < 30 && grey < 128) labelInk[x < width / 2 ? 0 : 1]! += 1;
    }
  }
  const area = 4 * 80 * 80;
  assert.ok(counts.get(51)! >= area && counts.get(51)! < area + 100, "the first grid keeps its grey");
  assert.ok(counts.get(153)! >= area && counts.get(153)! < area + 100, "the second grid keeps its grey");
  assert.ok(labelInk.every((ink) => ink > 50), "both labels are drawn");
});
