import assert from "node:assert/strict";
import { gzipSync } from "fflate";
import { readIdxDigits, readIdxImages, readIdxLabels } from "../../src/data/idx.ts";
import { UserError } from "../../src/error.ts";
import { fileTest } from "../support/file_test.ts";

function idx(dims: number[], data: number[], magic = 0x0800 + dims.length): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + data.length);
  const view = new DataView(bytes.buffer);
  [magic, ...dims].forEach((value, i) => view.setUint32(4 * i, value));
  bytes.set(data, 4 + 4 * dims.length);
  return bytes;
}

const IMAGES = idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);

/** Runs `body` with a function that writes bytes to a file and returns its path. */
async function withFiles(body: (write: (name: string, bytes: Uint8Array) => string) => Promise<void>) {
  const dir = await Deno.makeTempDir();
  try {
    await body((name, bytes) => {
      Deno.writeFileSync(`${dir}/${name}`, bytes);
      return `${dir}/${name}`;
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

await fileTest("readIdxImages and readIdxLabels read plain and gzipped files", () =>
  withFiles(async (write) => {
    for (const [name, wrap] of [["plain", (b: Uint8Array) => b], ["gz", gzipSync]] as const) {
      const images = await readIdxImages(write(`images-${name}`, wrap(IMAGES)));
      assert.deepEqual(images, { images: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]), size: 2, count: 2 });
      const labels = await readIdxLabels(write(`labels-${name}`, wrap(idx([3], [7, 0, 9]))));
      assert.deepEqual(labels, new Uint8Array([7, 0, 9]));
    }
  }));

await fileTest("readIdxImages reads a gzipped file of many chunks", () =>
  withFiles(async (write) => {
    const data = Array.from({ length: 300 * 28 * 28 }, (_, i) => (i * i) % 251);
    const { images, count } = await readIdxImages(write("many.gz", gzipSync(idx([300, 28, 28], data))));
    assert.equal(count, 300);
    assert.ok(images.every((value, i) => value === data[i]));
  }));

await fileTest("readIdxDigits pairs images with labels", () =>
  withFiles(async (write) => {
    const images = write("images", IMAGES);
    assert.deepEqual((await readIdxDigits(images, write("ok", idx([2], [3, 4])))).labels, new Uint8Array([3, 4]));
    const three = write("three", idx([3], [1, 2, 3]));
    await assert.rejects(
      readIdxDigits(images, three),
      new UserError(`Labels must match images: ${images} holds 2, ${three} 3; pass a matching pair`),
    );
    const letters = write("letters", idx([2], [3, 26]));
    await assert.rejects(
      readIdxDigits(images, letters),
      new UserError(`Cannot use ${letters}: labels must be 0 to 9, but label 1 is 26`),
    );
  }));

await fileTest("IDX readers name what is wrong with a file", () =>
  withFiles(async (write) => {
    const damaged = gzipSync(IMAGES);
    damaged[damaged.length - 6]! ^= 1;
    const magic = "begin with 0x00000803, got 0x00000801; pass another file";
    const cases: [name: string, bytes: Uint8Array, message: string][] = [
      ["labels", idx([20], new Array(20).fill(1)), `Cannot read PATH: IDX images ${magic}`],
      ["empty", new Uint8Array(), "Cannot read PATH: IDX images need 16 bytes, got 0; download it again"],
      ["short", IMAGES.subarray(0, 20), "Cannot read PATH: IDX images need 24 bytes, got 20; download it again"],
      [
        "long",
        idx([1, 2, 2], [1, 2, 3, 4, 5]),
        "Cannot read PATH: IDX images need 20 bytes, got more; download it again",
      ],
      ["none", idx([0, 28, 28], []), "Cannot use PATH: it holds no images (0x28x28)"],
      ["wide", idx([1, 2, 3], [1, 2, 3, 4, 5, 6]), "Cannot use PATH: images must be square, got 2x3; pad or crop them"],
      [
        "huge",
        idx([4_000_000_000, 28, 28], []),
        "Cannot read PATH: its header announces 4000000000x28x28 bytes, the limit is 1 GiB; split it",
      ],
      [
        "damaged",
        damaged,
        "Cannot unzip PATH: corrupt gzip stream does not have a matching checksum; download it again",
      ],
    ];
    for (const [name, bytes, message] of cases) {
      const path = write(name, bytes);
      await assert.rejects(readIdxImages(path), new UserError(message.replace("PATH", path)), name);
    }
  }));

await fileTest("IDX readers unzip no further than the header announces", () =>
  withFiles(async (write) => {
    const bytes = Uint8Array.from({ length: 2 ** 20 }, (_, i) => Math.imul(i ^ (i >>> 7), 0x85ebca6b) >>> 13);
    bytes.set(IMAGES);
    const bomb = gzipSync(bytes);
    bomb[bomb.length - 6]! ^= 1; // Only a reader that goes on to the end sees this damage.
    const path = write("bomb.gz", bomb);
    await assert.rejects(
      readIdxImages(path),
      new UserError(`Cannot read ${path}: IDX images need 24 bytes, got more; download it again`),
    );
  }));

await fileTest("IDX readers name a missing file and a directory", () =>
  withFiles(async (write) => {
    const file = write("labels", idx([1], [1]));
    const directory = file.slice(0, file.lastIndexOf("/"));
    await assert.rejects(readIdxLabels(`${file}.gz`), new UserError(`Cannot read ${file}.gz: there is no such file`));
    await assert.rejects(
      readIdxLabels(directory),
      new UserError(`Cannot read ${directory}: it is a folder, not a file`),
    );
  }));
