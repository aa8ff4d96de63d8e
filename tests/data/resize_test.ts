import assert from "node:assert/strict";
import fc from "fast-check";
import { resizeBilinear } from "../../src/data/resize.ts";
import { UserError } from "../../src/error.ts";

Deno.test("resizeBilinear 4 -> 2 averages with a triangle two pixels wide, cut at the border", () => {
  // Output 0 has its centre at 1 and the weights 3/7, 3/7, 1/7 for the pixels 0, 1, 2; output 1 mirrors it.
  const row = [0, 70, 140, 210];
  const rows = new Uint8Array([...row, ...row, ...row, ...row]);
  assert.deepEqual([...resizeBilinear(rows, 4, 2)], [50, 160, 50, 160]);
  const columns = new Uint8Array(row.flatMap((v) => [v, v, v, v]));
  assert.deepEqual([...resizeBilinear(columns, 4, 2)], [50, 50, 160, 160]);
});

Deno.test("resizeBilinear 2 -> 4 interpolates between the two nearest pixels", () => {
  const image = new Uint8Array([0, 100, 0, 100]);
  assert.deepEqual([...resizeBilinear(image, 2, 4).subarray(0, 4)], [0, 25, 75, 100]);
});

Deno.test("resizeBilinear 7 -> 2 is bit for bit Pillow 12's BILINEAR", () => {
  const image = Uint8Array.from({ length: 49 }, (_, i) => (i * i * 37 + 11 * i) % 256);
  assert.deepEqual([...resizeBilinear(image, 7, 2)], [125, 165, 140, 145]);
  assert.deepEqual([...resizeBilinear(image, 7, 5)], [
    49,
    104,
    146,
    167,
    165,
    148,
    100,
    164,
    187,
    198,
    178,
    153,
    93,
    159,
    167,
    161,
    151,
    83,
    162,
    181,
    147,
    127,
    146,
    159,
    92,
  ]);
});

Deno.test("resizeBilinear leaves an image of the same size as it is", () => {
  const image = Uint8Array.from({ length: 25 }, (_, i) => i * 10);
  assert.deepEqual(resizeBilinear(image, 5, 5), image);
});

Deno.test("resizeBilinear keeps a constant image constant, at any size", () => {
  const size = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(size, size, fc.integer({ min: 0, max: 255 }), (from, to, grey) => {
      const out = resizeBilinear(new Uint8Array(from * from).fill(grey), from, to);
      assert.deepEqual(out, new Uint8Array(to * to).fill(grey));
    }),
    { seed: 1 },
  );
});

Deno.test("resizeBilinear treats every image of a batch by itself", () => {
  const batch = Uint8Array.from({ length: 3 * 36 }, (_, i) => (i * 71) % 256);
  const out = resizeBilinear(batch, 6, 4);
  for (let n = 0; n < 3; n++) {
    assert.deepEqual(out.slice(n * 16, n * 16 + 16), resizeBilinear(batch.slice(n * 36, n * 36 + 36), 6, 4));
  }
});

Deno.test("resizeBilinear names a wrong size and broken images", () => {
  assert.throws(
    () => resizeBilinear(new Uint8Array(16), 4, 0),
    new UserError("Resize to a whole number of pixels from 1 up, not 0"),
  );
  assert.throws(
    () => resizeBilinear(new Uint8Array(17), 4, 2),
    new UserError("Resize needs whole 4x4 images, got 17 bytes: check the image size"),
  );
});
