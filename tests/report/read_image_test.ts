import assert from "node:assert/strict";
import { encode } from "modern-gif";
import { UserError } from "../../src/error.ts";
import { imageHeader } from "../../src/report/image_header.ts";
import { encodePng } from "../../src/report/png.ts";
import { readImage } from "../../src/report/read_image.ts";
import { fileTest } from "../support/file_test.ts";

/** A grey JPEG of 8 x 6 pixels with level 30 x + 5 y, by Pillow. */
const jpeg = Uint8Array.fromBase64(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsK" +
    "DAkKCgr/wAALCAAGAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABf/EAB0QAAAFBQAAAAAAAAAAAAAAAAACBQcKISVBQ3H/2gAIAQEAAD8ABjuN" +
    "wn2KpNeOD//Z",
);

/** Reads `bytes` as a file; the file's path is cut out of an error. */
async function read(bytes: Uint8Array) {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    return await readImage(path);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(error.message.replaceAll(path, "FILE"));
    throw error;
  } finally {
    await Deno.remove(path);
  }
}

await fileTest("readImage: PNG pixels come back as they are, grey and RGB as RGBA", async () => {
  for (const channels of [1, 3, 4]) {
    const noise = (i: number) => (i * 2654435761 >>> 13) & 255;
    const pixels = Uint8Array.from(
      { length: 70 * 40 * channels },
      (_, i) => i % 4 === 3 && channels === 4 ? 255 : noise(i),
    );
    const image = await read(encodePng(pixels, 70, 40));
    assert.deepEqual([image.width, image.height], [70, 40]);
    const wanted = (i: number) =>
      i % 4 === 3 ? 255 : pixels[Math.floor(i / 4) * channels + (channels > 1 ? i % 4 : 0)]!;
    assert.ok(image.pixels.every((value, i) => value === wanted(i)));
  }
});

await fileTest("readImage: colours are not multiplied by alpha", async () => {
  const { pixels } = await read(encodePng(Uint8Array.of(200, 100, 50, 128, 0, 0, 0, 0), 2, 1));
  assert.deepEqual([...pixels.subarray(3)], [128, 0, 0, 0, 0]);
  [200, 100, 50].forEach((level, c) => assert.ok(Math.abs(pixels[c]! - level) <= 1));
});

await fileTest("readImage: JPEG and the first frame of a GIF", async () => {
  const grey = await read(jpeg);
  assert.deepEqual([grey.width, grey.height], [8, 6]);
  grey.pixels.forEach((value, i) => {
    const wanted = 30 * (Math.floor(i / 4) % 8) + 5 * Math.floor(i / 32);
    assert.ok(i % 4 === 3 ? value === 255 : Math.abs(value - wanted) <= 3, `${value} for ${wanted}`);
  });
  const frames = [[255, 0, 0, 255], [0, 0, 255, 255]].map((color) => ({
    data: new Uint8ClampedArray([color, color, color].flat()),
    delay: 50,
  }));
  const gif = await read(new Uint8Array(await encode({ width: 3, height: 1, frames })));
  assert.deepEqual([gif.width, gif.height], [3, 1]);
  assert.ok(gif.pixels[0]! > 245 && gif.pixels[2]! < 10);
});

await fileTest("readImage: what is missing, no image, absurdly large or broken is told in one line", async () => {
  await assert.rejects(
    readImage("/nowhere/cat.png"),
    { name: "UserError", message: "Cannot read /nowhere/cat.png: there is no such file" },
  );
  const text = new TextEncoder().encode("no image at all, only words and words");
  await assert.rejects(
    read(text),
    new UserError("Cannot read the image FILE: it is no PNG, JPEG or GIF; convert it to one"),
  );
  const png = encodePng(new Uint8Array(64), 8, 8);
  const claims = (width: number, height: number) => {
    const bytes = png.slice();
    new DataView(bytes.buffer).setUint32(16, width);
    new DataView(bytes.buffer).setUint32(20, height);
    return bytes;
  };
  for (const [width, height] of [[4_000_000_000, 4_000_000_000], [8192, 8192], [0, 8]] as const) {
    await assert.rejects(
      read(claims(width, height)),
      new UserError(
        `Cannot read the image FILE: wanted 1 to 33554432 pixels, got ${width} x ${height}; resize it`,
      ),
    );
  }
  for (const bytes of [png.subarray(0, 50), jpeg.subarray(0, 120), claims(9, 8), encodePng(new Uint8Array(16), 2, 2)]) {
    await assert.rejects(
      read(bytes),
      new UserError(
        "Cannot read the image FILE: nothing can be seen in it, because it is broken, transparent or a CMYK JPEG; save " +
          "it again as PNG",
      ),
    );
  }
});

await fileTest("readImage: a file too large is not even read", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.truncate(path, 2 ** 26 + 1);
    await assert.rejects(
      readImage(path),
      new UserError(`Cannot read the image ${path}: wanted at most 67108864 bytes, got 67108865; resize it`),
    );
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("imageHeader: kind and size, and null for a beginning of a file", () => {
  assert.deepEqual(imageHeader(jpeg), { kind: "jpeg", width: 8, height: 6 });
  assert.deepEqual(imageHeader(encodePng(new Uint8Array(15), 5, 3)), { kind: "png", width: 5, height: 3 });
  assert.deepEqual(imageHeader(new TextEncoder().encode("GIF89a\x05\x01\x03\x00")), {
    kind: "gif",
    width: 261,
    height: 3,
  });
  for (let length = 0; length < 95; length++) assert.equal(imageHeader(jpeg.subarray(0, length)), null);
});
