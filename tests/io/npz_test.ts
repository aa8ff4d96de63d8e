import assert from "node:assert/strict";
import { unzipSync, zipSync } from "fflate";
import { memorySource } from "../../src/io/byte_source.ts";
import { encodeNpy, type NpyArray } from "../../src/io/npy.ts";
import { encodeNpz, npzHeaders, parseNpz, readNpz, writeNpz } from "../../src/io/npz.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError } from "./user_error.ts";

const samples: Record<string, NpyArray> = {
  arr_0: { dtype: "uint8", shape: [2, 1, 3], data: new Uint8Array([1, 2, 3, 4, 5, 255]) },
  labels: { dtype: "int64", shape: [2], data: new Int32Array([-1, 7]) },
  score: { dtype: "float32", shape: [], data: new Float32Array([0.5]) },
};

Deno.test("npz: what is encoded is parsed, and the bytes repeat", () => {
  assert.deepEqual(Object.keys(unzipSync(encodeNpz(samples))), ["arr_0.npy", "labels.npy", "score.npy"]);
  assert.deepEqual(Object.fromEntries(parseNpz(encodeNpz(samples), "a.npz")), {
    arr_0: { shape: [2, 1, 3], data: samples["arr_0"]!.data },
    labels: { shape: [2], data: new BigInt64Array([-1n, 7n]) },
    score: { shape: [], data: new Float32Array([0.5]) },
  });
  assert.deepEqual(encodeNpz(samples), encodeNpz(samples));
});

Deno.test("npz: headers are listed without the arrays, compressed ones too", () => {
  const big: NpyArray = { dtype: "uint8", shape: [1000, 1000], data: new Uint8Array(1e6) };
  for (const level of [0, 9] as const) {
    const bytes = zipSync({ "images.npy": [encodeNpy(big), { level }], "label.npy": encodeNpy(samples["labels"]!) });
    let read = 0;
    const whole = memorySource(bytes, "a.npz");
    const source = {
      ...whole,
      read: (offset: number, length: number) => (read += length, whole.read(offset, length)),
    };
    const listed = [...npzHeaders(source)].map((
      [name, { dtype, shape, dataBytes }],
    ) => [name, dtype, shape, dataBytes]);
    assert.deepEqual(listed, [["images", "uint8", [1000, 1000], 1e6], ["label", "int64", [2], 16]]);
    assert.ok(read < 90_000, `read ${read} bytes`);
    assert.deepEqual(parseNpz(bytes, "a.npz").get("images"), { shape: [1000, 1000], data: big.data });
  }
});

Deno.test("npz: arrays that cannot be used are refused by name", async () => {
  const npy = encodeNpy(samples["arr_0"]!);
  await assertUserError(
    () => parseNpz(zipSync({ "x.npy": npy.slice(0, -1) }), "a.npz"),
    'Cannot read array "x" of a.npz: shape [2, 1, 3] of uint8 takes 6 bytes, but 5 are there',
  );
  await assertUserError(
    () => parseNpz(zipSync({ "x.npy": npy, x: npy }), "a.npz"),
    'Cannot read array "x" of a.npz: the file holds two of that name',
  );
  await assertUserError(
    () => parseNpz(encodeNpy(samples["arr_0"]!), "a.npz"),
    "Cannot unpack a.npz: the archive is damaged or cut short",
  );
});

Deno.test("npz: arrays beyond a zip archive are not written", async () => {
  const block: NpyArray = { dtype: "uint8", shape: [2 ** 26], data: new Uint8Array(2 ** 26) };
  const many = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`a${i}`, block]));
  await assertUserError(
    () => encodeNpz(many),
    "Cannot write 4294967296 bytes of arrays: an .npz file holds under 4 GiB; write fewer samples",
  );
});

await fileTest("npz: a written file is read back", () =>
  withTemporaryFolder(async (folder) => {
    await writeNpz(`${folder}/a.npz`, samples);
    assert.deepEqual(await readNpz(`${folder}/a.npz`), parseNpz(encodeNpz(samples), "a.npz"));
  }));
