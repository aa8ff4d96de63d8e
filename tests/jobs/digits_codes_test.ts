import assert from "node:assert/strict";
import { encodeDigits, type EncodeOptions } from "../../src/jobs/digits_codes.ts";
import { vqConfigSchema } from "../../src/models/vq_config.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Device } from "../../src/tensor/device.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { testDevice } from "../support/device.ts";

const cells = 16;
const options: EncodeOptions = { variants: 2, pixels: 1, seed: 3, onBatch: () => {} };

/** Codes of 4x4 cells for pictures of 8x8 pixels. */
function tinyTokenizer(device: Device): VqTokenizer {
  const sizes = { ch: 4, ch_mult: [1, 1], num_res_blocks: 1, codebook_embed_dim: 4, z_channels: 4, image_channels: 1 };
  return new VqTokenizer(new Initializer(device, 1), vqConfigSchema.parse({ ...sizes, codebook_size: 32 }));
}

/** Pictures moved by whole pixels, black where nothing came in. */
function moved(images: Uint8Array, down: number, right: number): Uint8Array {
  return images.map((_, i) => {
    const y = (i >> 3) % 8 - down, x = i % 8 - right;
    return y >= 0 && y < 8 && x >= 0 && x < 8 ? images[i - 8 * down - right]! : 0;
  });
}

/** Codes as text, a line a picture, in one batch. */
async function codesOf(device: Device, tokenizer: VqTokenizer, images: Uint8Array): Promise<string[]> {
  using _scope = device.scope();
  const grey = Float32Array.from(images, (byte) => byte / 127.5 - 1);
  const codes = await tokenizer.encode(device.tensor(grey, [images.length / 64, 1, 8, 8])).data();
  return rowsOf(codes);
}

function rowsOf(codes: ArrayLike<number>): string[] {
  const all = Array.from(codes);
  return Array.from({ length: all.length / cells }, (_, row) => `${all.slice(row * cells, (row + 1) * cells)}`);
}

Deno.test("encodeDigits: without shifts every variant is the tokenizer's code of the picture", async () => {
  const device = await testDevice();
  const tokenizer = tinyTokenizer(device), digits = syntheticDigits(110, 2);
  const done: number[] = [];
  const found = await encodeDigits(device, tokenizer, digits, { ...options, pixels: 0, onBatch: (n) => done.push(n) });
  assert.deepEqual(found.shape, [110, 2, cells]);
  assert.deepEqual([...found.labels], [...digits.labels]);
  assert.deepEqual(done, [100, 110], "batches of a hundred");
  const expected = await codesOf(device, tokenizer, digits.images);
  assert.deepEqual(rowsOf(found.codes), expected.flatMap((row) => [row, row]));
  assert.ok(new Set(expected).size > 50, "pictures differ in their codes");
});

Deno.test("encodeDigits: the first variant is of the digit as it is, the others of small shifts, which repeat with the seed", async () => {
  const device = await testDevice();
  const tokenizer = tinyTokenizer(device), digits = syntheticDigits(30, 2);
  const three = { ...options, variants: 3 };
  const { codes } = await encodeDigits(device, tokenizer, digits, three);
  const shifts = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => [down, right] as const));
  const possible: string[][] = [];
  for (const [down, right] of shifts) {
    possible.push(await codesOf(device, tokenizer, moved(digits.images, down, right)));
  }
  const used = new Set<number>();
  rowsOf(codes).forEach((row, i) => {
    const picture = Math.floor(i / 3);
    const shift = possible.findIndex((rows) => rows[picture] === row);
    assert.ok(shift >= 0, `variant ${i % 3} of picture ${picture} is none of its shifts`);
    if (i % 3 === 0) assert.equal(row, possible[4]![picture], "not moved");
    else used.add(shift);
  });
  assert.equal(used.size, shifts.length, "60 draws meet all nine shifts");
  const variants = rowsOf(codes);
  assert.ok(variants.some((row, i) => i % 3 === 1 && row !== variants[i + 1]), "variants differ");
  assert.deepEqual((await encodeDigits(device, tokenizer, digits, three)).codes, codes);
  assert.notDeepEqual((await encodeDigits(device, tokenizer, digits, { ...three, seed: 4 })).codes, codes);
});
