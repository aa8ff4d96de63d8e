import assert from "node:assert/strict";
import { squarePixels } from "../../src/data/square_pixels.ts";

/** 10 x 7 pixels, opaque. */
const picture = {
  width: 10,
  height: 7,
  pixels: Uint8Array.from({ length: 280 }, (_, i) => [37, 91, 53].map((k) => Math.floor(i / 4) * k)[i % 4] ?? 255),
};

Deno.test("squarePixels: the middle square, in grey and in RGB, as Pillow crops, converts and resizes it", () => {
  // Image.crop((1, 0, 8, 7)).convert("L").resize((4, 4), Image.BILINEAR), and the same without convert.
  assert.deepEqual(
    [...squarePixels(picture, 4, 1)],
    [125, 127, 132, 95, 115, 131, 131, 123, 130, 132, 140, 135, 127, 124, 121, 144],
  );
  assert.deepEqual([...squarePixels(picture, 4, 3)], [
    ...[
      104,
      141,
      90,
      131,
      115,
      172,
      120,
      146,
      85,
      108,
      89,
      96,
      88,
      127,
      118,
      132,
      121,
      181,
      112,
      147,
      94,
      149,
      110,
      124,
    ],
    ...[132, 126, 152, 121, 133, 163, 127, 159, 76, 126, 136, 158, 168, 96, 173, 119, 128, 120, 138, 114, 104, 114],
    ...[152, 186],
  ]);
});

Deno.test("squarePixels: transparent pixels lie on white; a tall picture loses its ends", () => {
  const pixels = Uint8Array.of(9, 9, 9, 255, 100, 0, 0, 255, 100, 0, 0, 0, 9, 9, 9, 255);
  assert.deepEqual([...squarePixels({ pixels, width: 1, height: 4 }, 1, 3)], [100, 0, 0]);
  const half = { pixels: Uint8Array.of(0, 100, 200, 51), width: 1, height: 1 };
  assert.deepEqual([...squarePixels(half, 1, 3)], [204, 224, 244]);
});
