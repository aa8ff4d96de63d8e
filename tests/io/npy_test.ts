import assert from "node:assert/strict";
import { parse } from "npyjs";
import { encodeNpy, type NpyArray, parseNpy, readNpy, writeNpy } from "../../src/io/npy.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError } from "./user_error.ts";

const arrays: NpyArray[] = [
  { dtype: "uint8", shape: [2, 1, 3], data: new Uint8Array([1, 2, 3, 4, 5, 255]) },
  { dtype: "int64", shape: [2], data: new Int32Array([-1, 7]) },
  { dtype: "float32", shape: [], data: new Float32Array([0.5]) },
  { dtype: "float32", shape: [0, 2], data: new Float32Array(0) },
];

/** A version 1.0 array: a header that reads `literal`, then `data`. */
function npy(literal: string, data: ArrayLike<number>, version = 1): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(literal.padEnd(117) + "\n");
  const length = version === 1 ? [118, 0] : [118, 0, 0, 0];
  const magic = [0x93, ...new TextEncoder().encode("NUMPY")];
  return Uint8Array.of(...magic, version, 0, ...length, ...header, ...Array.from(data));
}

const literal = (descr: string, shape = "(2,)", order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

Deno.test("npy: an array is encoded as the format says, byte by byte", () => {
  const encoded = encodeNpy(arrays[1]!);
  assert.deepEqual([...encoded.subarray(0, 10)], [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  assert.equal(new TextDecoder().decode(encoded.subarray(10, 128)), literal("<i8").padEnd(117) + "\n");
  assert.deepEqual(encoded.slice(128), new Uint8Array(new BigInt64Array([-1n, 7n]).buffer));
  assert.match(new TextDecoder().decode(encodeNpy(arrays[0]!)), /'descr': '\|u1', .* 'shape': \(2, 1, 3\), \}/);
});

Deno.test("npy: what is encoded is parsed, here and by npyjs", () => {
  for (const array of arrays) {
    const encoded = encodeNpy(array);
    const expected = array.dtype === "int64" ? BigInt64Array.from(array.data, BigInt) : array.data;
    assert.deepEqual(parseNpy(encoded, "x"), { shape: array.shape, data: expected });
    const { data, shape, dtype } = parse(encoded.buffer);
    assert.deepEqual([data, shape], [expected, array.shape], dtype);
  }
});

Deno.test("npy: every plain type is read, in all versions and from any address", () => {
  const cases = [
    ["|b1", [1, 0], new Uint8Array([1, 0])],
    ["|i1", [255, 2], new Int8Array([-1, 2])],
    ["<i2", new Int16Array([-1, 2]), new Int16Array([-1, 2])],
    ["<u2", new Uint16Array([65535, 2]), new Uint16Array([65535, 2])],
    ["<i4", new Int32Array([-1, 2]), new Int32Array([-1, 2])],
    ["=u4", new Uint32Array([2 ** 31, 2]), new Uint32Array([2 ** 31, 2])],
    ["<i8", new BigInt64Array([-1n, 2n]), new BigInt64Array([-1n, 2n])],
    ["<u8", new BigUint64Array([2n ** 63n, 2n]), new BigUint64Array([2n ** 63n, 2n])],
    ["<f2", new Uint16Array([0x3c00, 0xc000]), new Float32Array([1, -2])],
    ["<f4", new Float32Array([1.5, NaN]), new Float32Array([1.5, NaN])],
    ["<f8", new Float64Array([1e300, 2]), new Float64Array([1e300, 2])],
  ] as const;
  for (const [descr, stored, expected] of cases) {
    const data = "buffer" in stored ? new Uint8Array(stored.buffer) : stored;
    for (const version of [1, 2, 3]) {
      const bytes = npy(literal(descr), data, version);
      const shifted = new Uint8Array(bytes.length + 1);
      shifted.set(bytes, 1);
      assert.deepEqual(parseNpy(shifted.subarray(1), "x"), { shape: [2], data: expected }, `${descr} ${version}`);
    }
  }
  assert.deepEqual(parseNpy(npy(literal("|u1", "(2,)", "True"), [1, 2]), "x").shape, [2]);
});

Deno.test("npy: what is no plain array is refused with the reason", async () => {
  const plain = npy(literal("|u1"), [1, 2]);
  const edited = (at: number, ...values: number[]) => {
    const copy = plain.slice();
    copy.set(values, at);
    return copy;
  };
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [new Uint8Array(4), "it is no .npy array"],
    [edited(0, 0x92), "it is no .npy array"],
    [edited(6, 9), "its format version is 9, wanted 1, 2 or 3"],
    [edited(6, 2).slice(0, 11), "it is cut short"],
    [edited(8, 0xff, 0xff), "its header claims 65535 bytes, more than the 10000 allowed"],
    [edited(8, 0xff, 0x01), "it is cut short"],
    [npy("{}", []), "its header does not give descr, fortran_order and shape"],
    [npy(literal("|u1", "(2 3,)"), [1, 2]), "its shape is not a tuple of sizes"],
    [npy(literal("|u1", `(${"9".repeat(20)},)`), [1, 2]), "its shape is not a tuple of sizes"],
    [
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", []),
      "it is a structured array, wanted plain numbers",
    ],
    [npy(literal("|u1", "(1, 2)", "True"), [1, 2]), "it is in Fortran order; save np.ascontiguousarray(x)"],
    [npy(literal("|u1"), [1, 2, 3]), "shape [2] of uint8 takes 2 bytes, but 3 are there"],
    [npy(literal("|u1"), [1]), "shape [2] of uint8 takes 2 bytes, but 1 are there"],
    [npy(literal("|O"), []), 'its type is "|O", wanted plain numbers'],
    [npy(literal("<c8"), Array(16).fill(0)), 'its type is "<c8", wanted plain numbers'],
    [npy(literal("<U1"), Array(8).fill(0)), 'its type is "<U1", wanted plain numbers'],
    [npy(literal("<f3"), Array(6).fill(0)), 'its type is "<f3", wanted plain numbers'],
    [npy(literal("|b2"), Array(4).fill(0)), 'its type is "|b2", wanted plain numbers'],
    [npy(literal(">f4"), Array(8).fill(0)), 'its numbers are big-endian; save x.astype("float32")'],
  ];
  for (const [bytes, reason] of cases) {
    await assertUserError(() => parseNpy(bytes, "a.npy"), `Cannot read a.npy: ${reason}`);
  }
});

Deno.test("npy: an array beside its shape is not written", () => {
  const wrong: NpyArray = { dtype: "uint8", shape: [3], data: new Uint8Array(2) };
  assert.throws(() => encodeNpy(wrong), /does not fit 2 elements/);
});

await fileTest("npy: a written file is read back, a missing one refused", () =>
  withTemporaryFolder(async (folder) => {
    await writeNpy(`${folder}/a.npy`, arrays[0]!);
    assert.deepEqual(await readNpy(`${folder}/a.npy`), parseNpy(encodeNpy(arrays[0]!), "a"));
    await assertUserError(() => readNpy(`${folder}/b.npy`), `Cannot read ${folder}/b.npy: there is no such file`);
  }));
