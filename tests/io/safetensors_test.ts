import assert from "node:assert/strict";
import { encodeSafetensors, parseSafetensors, readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError } from "./user_error.ts";

/** A file with `header` as it is and `data` behind it. */
function file(header: string | Uint8Array, data: ArrayLike<number> = [], claimed?: bigint): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** A file with one tensor `x`. */
function single(dtype: string, shape: number[], data: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return file(JSON.stringify({ x: { dtype, shape, data_offsets: [0, bytes.length] } }), bytes);
}

const tensors = new Map<string, HostTensor>([
  ["mask", { shape: [3], data: new Uint8Array([1, 0, 255]) }],
  ["b", { shape: [2, 2], data: new Float32Array([1, -0.5, NaN, Infinity]) }],
  ["a", { shape: [], data: new Int32Array([-7]) }],
  ["__proto__", { shape: [2], data: new Uint32Array([0, 2 ** 32 - 1]) }],
  ["empty", { shape: [0, 4], data: new Float32Array(0) }],
]);

Deno.test("safetensors: what is encoded is parsed, names, shapes, types and values", () => {
  const { tensors: read, metadata } = parseSafetensors(encodeSafetensors(tensors, { seed: "1" }), "f");
  assert.deepEqual(new Map([...read].sort()), new Map([...tensors].sort()));
  assert.deepEqual(metadata, { seed: "1" });
});

Deno.test("safetensors: bytes depend on content alone, and the data begins aligned to 8", () => {
  const encoded = encodeSafetensors(tensors, { seed: "1", commit: "c" });
  assert.deepEqual(encodeSafetensors(new Map([...tensors].reverse()), { commit: "c", seed: "1" }), encoded);
  const length = Number(new DataView(encoded.buffer).getBigUint64(0, true));
  assert.equal(length % 8, 0);
  const header = new TextDecoder().decode(encoded.subarray(8, 8 + length));
  assert.match(header, /^\{"__metadata__":\{"commit":"c","seed":"1"\},"__proto__":.*"mask":.*\} *$/);
});

Deno.test("safetensors: a small file is this text", () => {
  const encoded = encodeSafetensors(new Map([["x", { shape: [1], data: new Uint8Array([7]) }]]));
  const header = '{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   ';
  assert.deepEqual(encoded, file(header, [7]));
});

Deno.test("safetensors: F16 output rounds to nearest even and leaves integers alone", () => {
  const values = [1, -0, 65504, 65519.99, 2049, 2051, 2 ** -25, 1.5 * 2 ** -24, NaN, -Infinity];
  const rounded = [1, -0, 65504, 65504, 2048, 2052, 0, 2 ** -23, NaN, -Infinity];
  const mixed = new Map<string, HostTensor>([
    ["m", { shape: [3], data: new Uint8Array([1, 2, 3]) }],
    ["h", { shape: [10], data: new Float32Array(values) }],
    ["w", { shape: [1], data: new Float32Array([0.1]) }],
    ["i", { shape: [1], data: new Int32Array([7]) }],
  ]);
  const all = encodeSafetensors(mixed, {}, { dtype: "F16" });
  const header = new TextDecoder().decode(all.subarray(8, 8 + Number(new DataView(all.buffer).getBigUint64(0, true))));
  assert.deepEqual([...header.matchAll(/"(\w)":\{"dtype":"(\w+)"/g)].map(([, name, dtype]) => `${name} ${dtype}`), [
    "i I32",
    "h F16",
    "w F16",
    "m U8",
  ]);
  const read = parseSafetensors(all, "f").tensors;
  assert.deepEqual(read.get("h")!.data, new Float32Array(rounded));
  assert.deepEqual([...read.get("i")!.data, ...read.get("m")!.data], [7, 1, 2, 3]);
  const some = encodeSafetensors(mixed, {}, { dtype: (name) => name === "h" ? "F16" : "F32" });
  assert.deepEqual(parseSafetensors(some, "f").tensors.get("w")!.data, new Float32Array([0.1]));
});

Deno.test("safetensors: a finite value beyond float16 is refused by name", async () => {
  const data = new Float32Array([Infinity, 1, -65520]);
  await assertUserError(
    () => encodeSafetensors(new Map([["head.weight", { shape: [3], data }]]), {}, { dtype: "F16" }),
    'Cannot write tensor "head.weight" as F16: element 2 is -65520, beyond the largest float16, 65504; write it as F32',
  );
});

Deno.test("safetensors: F16 and BF16 are widened exactly, the small integers and BOOL too", () => {
  const cases = [
    ["F16", new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7c00]), new Float32Array([1, -2, 2 ** -24, Infinity])],
    ["BF16", new Uint16Array([0x3f80, 0xc000, 0x0001, 0xff80]), new Float32Array([1, -2, 2 ** -133, -Infinity])],
    [
      "I64",
      new BigInt64Array([0n, -1n, 2n ** 31n - 1n, -(2n ** 31n)]),
      new Int32Array([0, -1, 2 ** 31 - 1, -(2 ** 31)]),
    ],
    ["I16", new Int16Array([-2]), new Int32Array([-2])],
    ["I8", new Int8Array([-3]), new Int32Array([-3])],
    ["BOOL", new Uint8Array([1, 0]), new Uint8Array([1, 0])],
  ] as const;
  for (const [dtype, stored, expected] of cases) {
    const { data } = parseSafetensors(single(dtype, [stored.length], stored), "f").tensors.get("x")!;
    assert.deepEqual(data, expected, dtype);
  }
});

Deno.test("safetensors: data that is not aligned in the file is read all the same", () => {
  const header =
    '{"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}';
  const value = new Uint8Array(new Float32Array([2.5]).buffer);
  assert.deepEqual(parseSafetensors(file(header, [9, ...value]), "f").tensors.get("x")!.data, new Float32Array([2.5]));
});

Deno.test("safetensors: malformed files are refused with the reason", async () => {
  const entry = (begin: number, end: number, shape = [end - begin]) =>
    JSON.stringify({ dtype: "U8", shape, data_offsets: [begin, end] });
  const one = `{"x":${entry(0, 2)}}`;
  const dtypes = "F32, F16, BF16, I64, I32, I16, I8, U32, U8, BOOL";
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [new Uint8Array(3), "it has 3 bytes, fewer than the 8 that hold the header's length"],
    [file(one, [1, 2], 2n ** 63n), `its header claims ${2n ** 63n} bytes, more than the 100000000 allowed`],
    [file("{}", [], 99n), "its header claims 99 bytes, but only 2 follow; is it truncated?"],
    [file(Uint8Array.of(0xff, 0xfe)), "its header is not UTF-8 text"],
    [file("{x}"), "its header is not JSON"],
    [file("[]"), "its header is not a JSON object"],
    [file(`{"x":${entry(0, 1)}, "\\u0078" :${entry(0, 1)}}`, [1]), 'its header holds the key "x" twice'],
    [
      file('{"x":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}', [1]),
      'its header holds the key "dtype" twice',
    ],
    [file('{"__metadata__":{"epoch":3}}'), "__metadata__ must map strings to strings"],
    [file('{"x":3}'), 'tensor "x": its header entry is not an object'],
    [single("F64", [1], new Float64Array(1)), `tensor "x": dtype is "F64", wanted one of ${dtypes}`],
    [single("toString", [1], new Uint8Array(1)), `tensor "x": dtype is "toString", wanted one of ${dtypes}`],
    [single("U8", [-1], new Uint8Array(1)), 'tensor "x": shape must be a list of at most 64 non-negative integers'],
    [single("U8", [1.5], new Uint8Array(1)), 'tensor "x": shape must be a list of at most 64 non-negative integers'],
    [
      single("U8", Array<number>(65).fill(1), new Uint8Array(1)),
      'tensor "x": shape must be a list of at most 64 non-negative integers',
    ],
    [file('{"x\\n\u202e":{"dtype":[[]]}}'), `tensor "x\\n\\u202e": dtype is a list, wanted one of ${dtypes}`],
    [file(`{"${"n".repeat(500)}":3}`), `tensor "${"n".repeat(120)}...": its header entry is not an object`],
    [
      file('{"x":{"dtype":"U8","shape":[1],"data_offsets":[1]}}'),
      'tensor "x": data_offsets must be two non-negative integers',
    ],
    [single("F32", [3], new Float32Array(2)), 'tensor "x": shape [3] of F32 takes 12 bytes, but data_offsets span 8'],
    [file(one, [1]), 'tensor "x" ends at byte 2 of the data, which has 1; is the file truncated?'],
    [
      file(`{"x":${entry(0, 2)},"y":${entry(1, 3)}}`, [1, 2, 3]),
      'tensor "y" begins at byte 1 of the data, inside the tensor that ends at 2',
    ],
    [file(`{"x":${entry(1, 2)}}`, [1, 2]), 'tensor "x" begins at byte 1 of the data and leaves a gap after byte 0'],
    [file(one, [1, 2, 3]), "its tensors end at byte 2 of the data, but 3 bytes are there"],
  ];
  for (const [bytes, reason] of cases) {
    await assertUserError(() => parseSafetensors(bytes, "w.st"), `Cannot read w.st as safetensors: ${reason}`);
  }
  await assertUserError(
    () => parseSafetensors(single("I64", [2], new BigInt64Array([1n, -(2n ** 31n) - 1n])), "w.st"),
    'Cannot read tensor "x" of w.st: element 1 is -2147483649, wanted int64 values that fit 32 bits',
  );
});

Deno.test("safetensors: a tensor that contradicts itself is not written", () => {
  const wrong = new Map([["x", { shape: [3], data: new Float32Array(2) }]]);
  assert.throws(() => encodeSafetensors(wrong), /tensor x: shape \[3\] wants 3 elements, got 2/);
  const reserved = new Map([["__metadata__", { shape: [0], data: new Float32Array(0) }]]);
  assert.throws(() => encodeSafetensors(reserved), /the format reserves the name/);
});

await fileTest(
  "safetensors: a written file is read range by range, a missing or cut one refused",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/weights.safetensors`;
      await writeSafetensors(path, tensors, { seed: "1" });
      assert.deepEqual(await readSafetensors(path), parseSafetensors(await Deno.readFile(path), path));
      assert.deepEqual((await readSafetensors(path)).tensors.get("a"), tensors.get("a"));
      const huge = new Map([["x", { shape: [1], data: new Float32Array([1e9]) }]]);
      await assert.rejects(writeSafetensors(path, huge, {}, { dtype: "F16" }), /tensor "x" as F16/);
      assert.deepEqual((await readSafetensors(path)).metadata, { seed: "1" }, "the old file stays");
      assert.deepEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["weights.safetensors"]);
      await Deno.truncate(path, 5);
      await assertUserError(
        () => readSafetensors(path),
        `Cannot read ${path} as safetensors: it has 5 bytes, fewer than the 8 that hold the header's length`,
      );
      await assertUserError(() => readSafetensors(`${folder}/no`), `Cannot read ${folder}/no: there is no such file`);
      await assertUserError(() => readSafetensors(folder), `Cannot read ${folder}: it is a folder, not a file`);
    }),
);
