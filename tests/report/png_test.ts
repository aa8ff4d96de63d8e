import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { encodePng } from "../../src/report/png.ts";
import { decodePng } from "./decode_png.ts";

for (const [name, channels] of [["grey", 1], ["RGB", 3], ["RGBA", 4]] as const) {
  Deno.test(`encodePng writes ${name} pixels that decode to the same`, () => {
    const pixels = Uint8Array.from({ length: 7 * 5 * channels }, (_, i) => (i * i * 31) % 256);
    assert.deepEqual(decodePng(encodePng(pixels, 7, 5)), { width: 7, height: 5, channels, pixels });
  });
}

Deno.test("encodePng ends with the end chunk of the specification", () => {
  const end = encodePng(new Uint8Array([0]), 1, 1).slice(-12);
  assert.deepEqual([...end], [0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]);
});

Deno.test("encodePng names pixels that do not fit the size", () => {
  assert.throws(
    () => encodePng(new Uint8Array(13), 3, 2),
    new UserError("A 3x2 PNG needs 1, 3 or 4 bytes per pixel, got 13 bytes: check width and height"),
  );
});
