import assert from "node:assert/strict";
import fc from "fast-check";
import { unzipSync, zipSync } from "fflate";
import { encodeNpz, type NpyArray, parseNpz, readNpz, writeNpz } from "../../src/io/npz.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError, tolerateUserError } from "./user_error.ts";

const samples: Record<string, NpyArray> = {
  arr_0: { dtype: "uint8", shape: [2, 1, 3], data: new Uint8Array([1, 2, 3, 4, 5, 255]) },
  labels: { dtype: "int64", shape: [2], data: new Int32Array([-1, 7]) },
  score: { dtype: "float32", shape: [], data: new Float32Array([0.5]) },
};

/** An archive with one array `x`: a version 1.0 header that reads `literal`, then `data`. */
function npz(literal: string, data: number[]): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(literal.padEnd(117) + "\n");
  return zipSync({
    "x.npy": Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, 118, 0, ...header, ...data),
  });
}

Deno.test("npz: an array is encoded as the .npy format says, byte by byte", () => {
  const npy = unzipSync(encodeNpz(samples))["labels.npy"]!;
  assert.deepEqual([...npy.subarray(0, 10)], [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  const header = new TextDecoder().decode(npy.subarray(10, 128));
  assert.equal(header, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }".padEnd(117) + "\n");
  assert.deepEqual(npy.slice(128), new Uint8Array(new BigInt64Array([-1n, 7n]).buffer));
  const image = unzipSync(encodeNpz(samples))["arr_0.npy"]!;
  assert.match(new TextDecoder().decode(image), /'descr': '\|u1', 'fortran_order': False, 'shape': \(2, 1, 3\), \}/);
});

Deno.test("npz: what is encoded is parsed, and the bytes repeat", () => {
  assert.deepEqual(Object.fromEntries(parseNpz(encodeNpz(samples), "a.npz")), {
    arr_0: { shape: [2, 1, 3], data: samples["arr_0"]!.data },
    labels: { shape: [2], data: new BigInt64Array([-1n, 7n]) },
    score: { shape: [], data: new Float32Array([0.5]) },
  });
  assert.deepEqual(encodeNpz(samples), encodeNpz(samples));
});

Deno.test("npz: bool and float16 are read as bytes and float32", () => {
  const bools = npz("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", [1, 0]);
  assert.deepEqual(parseNpz(bools, "f").get("x"), { shape: [2], data: new Uint8Array([1, 0]) });
  const halves = npz("{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", [0x00, 0x3c]);
  assert.deepEqual(parseNpz(halves, "f").get("x"), { shape: [1], data: new Float32Array([1]) });
});

Deno.test("npz: arrays that cannot be used are refused by name", async () => {
  const text = (descr: string, order = "False") => `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (2,), }`;
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [npz(text("|u1", "True"), [1, 2]), "it is in Fortran order; save np.ascontiguousarray(x)"],
    [npz(text("|u1"), [1, 2, 3]), "shape [2] does not fit 3 elements"],
    [npz(text("<c8"), Array(16).fill(0)), 'its type is "c8", wanted plain numbers'],
    [npz(text("<U1"), Array(8).fill(0)), 'its type is "U1", wanted plain numbers'],
    [npz(text(">f4"), Array(8).fill(0)), "it is no .npy array of little-endian numbers"],
    [zipSync({ "x.npy": new Uint8Array(4) }), "it is no .npy array of little-endian numbers"],
  ];
  for (const [bytes, reason] of cases) {
    await assertUserError(() => parseNpz(bytes, "a.npz"), `Cannot read array "x" of a.npz: ${reason}`);
  }
});

Deno.test("npz: arrays beyond a zip archive, or beside their shape, are not written", async () => {
  const block: NpyArray = { dtype: "uint8", shape: [2 ** 26], data: new Uint8Array(2 ** 26) };
  const many = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`a${i}`, block]));
  await assertUserError(
    () => encodeNpz(many),
    "Cannot write 4294967296 bytes of arrays: an .npz file holds under 4 GiB; write fewer samples",
  );
  assert.throws(
    () => encodeNpz({ x: { dtype: "uint8", shape: [3], data: new Uint8Array(2) } }),
    /does not fit 2 elements/,
  );
});

Deno.test("npz: damaged bytes give a UserError or arrays, never another error", () => {
  const valid = encodeNpz(samples);
  const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(edits, (edits) => {
      const damaged = valid.slice();
      for (const [at, value] of edits) damaged[at] = value;
      tolerateUserError(() => parseNpz(damaged, "f"));
    }),
    { seed: 1, numRuns: 500 },
  );
});

await fileTest("npz: a written file is read back", () =>
  withTemporaryFolder(async (folder) => {
    await writeNpz(`${folder}/a.npz`, samples);
    assert.deepEqual(await readNpz(`${folder}/a.npz`), parseNpz(encodeNpz(samples), "a.npz"));
  }));
