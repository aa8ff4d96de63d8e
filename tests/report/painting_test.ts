import assert from "node:assert/strict";
import { decodeFrames } from "modern-gif";
import { UserError } from "../../src/error.ts";
import { paintedUpTo, paintingFrames } from "../../src/report/painting.ts";
import { paintingGif } from "../../src/report/painting_gif.ts";

/** Two grey images of 4x4 pixels in 2x2 cells; the first knows its upper left cell. */
const painting = {
  images: Uint8Array.from({ length: 32 }, (_, i) => i),
  steps: Int32Array.of(-1, 1, 0, 1, 0, 1, 1, 0),
  size: 4,
  grid: 2,
};

Deno.test("paintingFrames: cells are grey until their step, known ones never", () => {
  const frames = paintingFrames(painting);
  const G = 128;
  assert.deepEqual(frames.map((frame) => [...frame.subarray(0, 16)]), [
    [0, 1, G, G, 4, 5, G, G, G, G, G, G, G, G, G, G],
    [0, 1, G, G, 4, 5, G, G, 8, 9, G, G, 12, 13, G, G],
    [...painting.images.subarray(0, 16)],
  ]);
  assert.deepEqual([...frames[1]!.subarray(16)], [16, 17, G, G, 20, 21, G, G, G, G, 26, 27, G, G, 30, 31]);
});

Deno.test("paintedUpTo: RGB cells are painted whole", () => {
  const rgb = { images: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), size: 2, grid: 2, channels: 3 } as const;
  const frame = paintedUpTo({ ...rgb, steps: Int32Array.of(0, 1, 1, 0) }, 0);
  assert.deepEqual([...frame], [1, 2, 3, 128, 128, 128, 128, 128, 128, 10, 11, 12]);
});

Deno.test("paintingFrames: sizes that do not fit are told", () => {
  for (const [change, bytes, steps] of [[{ grid: 3 }, 32, 8], [{ steps: new Int32Array(7) }, 32, 7]] as const) {
    const grid = "grid" in change ? change.grid : 2;
    assert.throws(
      () => paintingFrames({ ...painting, ...change }),
      new UserError(
        `A painting of 4x4x1 images in ${grid}x${grid} cells needs whole cells, whole images and a step a cell, got ` +
          `${bytes} bytes and ${steps} steps: check size, grid and channels`,
      ),
    );
  }
});

Deno.test("paintingGif: the frames of the grid in order, the last one longer", async () => {
  const frames = paintingFrames(painting);
  const gif = await paintingGif({ frames, size: 4, columns: 2, scale: 1, gap: 1, delay: 150, lastDelay: 900 });
  const found = decodeFrames(new Uint8Array(gif));
  assert.deepEqual(found.map(({ width, height, delay }) => [width, height, delay]), [
    [11, 6, 150],
    [11, 6, 150],
    [11, 6, 900],
  ]);
  const text = new TextDecoder("latin1").decode(gif);
  assert.ok(text.startsWith("GIF89a") && text.includes("NETSCAPE2.0"), "repeats");
  found.forEach(({ data }, n) => {
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) {
        const wanted = frames[n]![16 + 4 * y + x]!, [r, g, b, a] = data.subarray(4 * (11 * (y + 1) + 6 + x));
        for (const level of [r, g, b]) assert.ok(Math.abs(level! - wanted) <= 4, `${level} for ${wanted}`);
        assert.equal(a, 255);
      }
    }
    assert.deepEqual([...data.subarray(0, 3)], [255, 255, 255]);
  });
});

Deno.test("paintingGif: colours stay what they are", async () => {
  const colors = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [250, 220, 30]];
  const gif = await paintingGif({ frames: [new Uint8Array(colors.flat())], size: 1, channels: 3, columns: 4, gap: 0 });
  const [{ data } = assert.fail("no frame")] = decodeFrames(new Uint8Array(gif));
  colors.forEach((color, n) => {
    const found = [...data.subarray(16 * n, 16 * n + 3)];
    assert.ok(found.every((level, c) => Math.abs(level - color[c]!) <= 8), `${found} for ${color}`);
  });
});

Deno.test("paintingGif: frames of different sizes, or none, are refused", async () => {
  const layout = { size: 2, columns: 1 };
  await assert.rejects(
    paintingGif({ ...layout, frames: [new Uint8Array(4), new Uint8Array(8)] }),
    new UserError("An animation needs frames of one size, got 4, 8 bytes"),
  );
  await assert.rejects(
    paintingGif({ ...layout, frames: [] }),
    new UserError("An animation needs frames of one size, got none"),
  );
});
