import assert from "node:assert/strict";
import fc from "fast-check";
import { zipSync } from "fflate";
import { UserError } from "../../src/error.ts";
import { type ByteSource, memorySource } from "../../src/io/byte_source.ts";
import { encodeNpy, parseNpy } from "../../src/io/npy.ts";
import { NpzFile } from "../../src/io/npz_file.ts";
import { encodeNpz, npzHeaders, parseNpz } from "../../src/io/npz.ts";
import { encodeSafetensors, safetensorsContent } from "../../src/io/safetensors.ts";
import { torchContent } from "../../src/io/torch_checkpoint.ts";
import { readAll, type WeightContent } from "../../src/io/weight_content.ts";
import { joinShards, readWeightIndex } from "../../src/io/weight_index.ts";
import * as torch from "./torch_archive.ts";
import { tolerateUserError } from "./user_error.ts";
import { zip64Archive } from "./zip64_archive.ts";

/** Damaged files over all readers; a fixed seed, so that a failure repeats. */
const FILES = 10_000, SEED = 20;

/** What a reader may hand out and read for a file of so many bytes, and how long it may take. */
const MAX_BYTES = (size: number) => 2 ** 16 + 32 * size, MAX_SECONDS = 1;

/** A format: files of it to damage, and what reads one, returning the bytes it made. */
interface Format {
  readonly valid: readonly Uint8Array<ArrayBuffer>[];
  readonly read: (source: ByteSource) => number;
}

type Bytes = Uint8Array<ArrayBuffer>;

const total = (values: Iterable<{ readonly data: { readonly byteLength: number } }>) =>
  [...values].reduce((sum, { data }) => sum + data.byteLength, 0);
const counting = Float32Array.from({ length: 12 }, (_, i) => i);
const float = torch.storage("FloatStorage", "0", 12);
const args = torch.object("argparse", "Namespace", torch.dict({ lr: torch.integer(1), name: torch.string("a") }));
const views = torch.dict({
  x: torch.tensor(float, 1, [3, 2], [1, 4]),
  y: torch.tensor(float, 0, [3, 4], [4, 1]),
  n: torch.tensor(torch.storage("LongStorage", "1", 2), 0, [2], [1]),
});
const arrays = {
  arr_0: { dtype: "uint8", shape: [2, 1, 3], data: new Uint8Array(6) },
  labels: { dtype: "int64", shape: [2], data: new Int32Array([-1, 7]) },
} as const;
const npy = encodeNpy(arrays.labels);
const tensors = new Map([
  ["mask", { shape: [3], data: new Uint8Array([1, 0, 255]) }],
  ["b", { shape: [2, 2], data: new Float32Array([1, -0.5, NaN, Infinity]) }],
  ["ids", { shape: [], data: new Int32Array([-7]) }],
]);

/** The files beside an index, each with a tensor of its own and one that both hold. */
const shards: ReadonlyMap<string, WeightContent> = new Map(
  ["a.safetensors", "b.safetensors"].map((name, i) => {
    const own = new Map([[`x${i}`, tensors.get("b")!], ["both", tensors.get("ids")!]]);
    return [name, safetensorsContent(memorySource(encodeSafetensors(own, { shard: name }), name))];
  }),
);
const shardIndex = (index: unknown) => new TextEncoder().encode(JSON.stringify(index));
const bothShards = { x1: "b.safetensors", x0: "a.safetensors" };

const formats: Readonly<Record<string, Format>> = {
  safetensors: {
    valid: [encodeSafetensors(tensors, { seed: "1" }), encodeSafetensors(tensors, {}, { dtype: "F16" })],
    read: (source) => total(readAll(safetensorsContent(source)).values()),
  },
  torch: {
    valid: [
      torch.torchArchive(views, { "0": counting, "1": new BigInt64Array([1n, -2n]) }),
      torch.torchArchive(torch.dict({ args, model: views }), { "0": counting, "1": new BigInt64Array(2) }),
      zip64Archive("weights/data.pkl", torch.pickle(torch.dict({ args }))),
    ],
    read: (source) => total(readAll(torchContent(source)).values()),
  },
  npz: {
    valid: [encodeNpz(arrays), zipSync({ "a.npy": npy, "b.npy": new Uint8Array(500) }), zip64Archive("a.npy", npy)],
    read: (source) => {
      npzHeaders(source);
      const file = new NpzFile(source);
      for (const name of file.headers.keys()) for (const rows of file.rows(name, 7)) total([{ data: rows }]);
      return total(parseNpz(source.read(0, source.size), source.name).values());
    },
  },
  index: {
    valid: [
      shardIndex({ metadata: { total_size: 32 }, weight_map: bothShards }),
      shardIndex({ weight_map: { x0: "a.safetensors", both: "a.safetensors" } }),
    ],
    read: (source) => {
      const index = readWeightIndex(source);
      const missing = [...index.shards].find((name) => !shards.has(name));
      if (missing) throw new UserError(`no ${JSON.stringify(missing)}`);
      const named = new Map([...shards].filter(([name]) => index.shards.has(name)));
      return total(readAll(joinShards(index, named, source.name)).values());
    },
  },
  npy: {
    valid: [npy, encodeNpy(arrays.arr_0)],
    read: (source) => parseNpy(source.read(0, source.size), source.name).data.byteLength,
  },
};

/** Reads `bytes`: fine or a one-line UserError, in time, and without reading or making more than they warrant. */
function check({ read }: Format, bytes: Bytes): void {
  let taken = 0;
  const memory = memorySource(bytes, "f");
  const source = { ...memory, read: (at: number, length: number) => (taken += length, memory.read(at, length)) };
  const start = performance.now();
  tolerateUserError(() => {
    const made = read(source);
    assert.ok(made <= MAX_BYTES(bytes.length), `${made} bytes made of ${bytes.length}`);
  });
  assert.ok(taken <= MAX_BYTES(bytes.length), `${taken} bytes read of ${bytes.length}`);
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds < MAX_SECONDS, `${seconds} s for ${bytes.length} bytes`);
}

const int = (max: number) => fc.nat(max);
/** Values at which sizes and offsets go wrong. */
const extremes = [0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffb, 0xffffffff];

/** One way to damage a file; positions are fractions, so that they fit any length. */
const damage = fc.oneof(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), bit: int(7) }).map(({ at, bit }) => (file: Bytes) => {
    if (file.length > 0) file[position(at, file)]! ^= 1 << bit;
    return file;
  }),
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: int(255) }).map(({ at, byte }) => (file: Bytes) => {
    if (file.length > 0) file[position(at, file)] = byte;
    return file;
  }),
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), word: fc.constantFrom(...extremes) }).map(
    ({ at, word }) => (file: Bytes) => {
      if (file.length >= 4) {
        new DataView(file.buffer).setUint32(Math.min(position(at, file), file.length - 4), word, true);
      }
      return file;
    },
  ),
  fc.double({ min: 0, max: 1, noNaN: true }).map((at) => (file: Bytes) => file.slice(0, position(at, file))),
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), more: fc.uint8Array({ maxLength: 40 }) }).map(
    ({ at, more }) => (file: Bytes) => {
      const cut = position(at, file);
      return Uint8Array.from([...file.subarray(0, cut), ...more, ...file.subarray(cut)]);
    },
  ),
  fc.tuple(...Array.from({ length: 3 }, () => fc.double({ min: 0, max: 1, noNaN: true }))).map(
    ([from, to, length]) => (file: Bytes) => {
      const start = position(from!, file);
      file.copyWithin(position(to!, file), start, start + Math.ceil(64 * length!));
      return file;
    },
  ),
);

function position(fraction: number, { length }: Bytes): number {
  return Math.min(length - 1, Math.floor(fraction * length));
}

const size = fc.oneof(fc.nat(20), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, ...extremes));
const sizes = fc.array(size, { maxLength: 4 });

/** A safetensors file whose header says anything, over a few bytes of data. */
const headers = fc.record({
  header: fc.oneof(
    fc.json(),
    fc.dictionary(
      fc.constantFrom("x", "y", "__metadata__", "__proto__", "constructor", "a\nb"),
      fc.record({
        dtype: fc.constantFrom("F32", "BF16", "U8", "I64", "F64", "x", 3),
        shape: sizes,
        data_offsets: sizes,
      }, {
        requiredKeys: [],
      }),
    ).map((entries) => JSON.stringify(entries)),
  ),
  data: fc.uint8Array({ maxLength: 64 }),
}).map(({ header, data }) => {
  const text = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setUint32(0, text.length, true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
});

/** An index that maps any names to any, some of them those of shards and of their tensors. */
const shardName = fc.oneof(
  fc.constantFrom<unknown>("a.safetensors", "b.safetensors", "../a.safetensors", "c:a.bin", "a\nb.pt", 3, null),
  fc.string({ maxLength: 12 }),
);
const indices = fc.oneof(
  fc.json().map((json) => new TextEncoder().encode(json)),
  fc.record({
    metadata: fc.oneof(fc.jsonValue(), fc.constant({ total_size: 32 })),
    weight_map: fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom("x0", "x1", "both", "y", "__proto__", "constructor", "a\nb"), shardName),
    ),
  }, { requiredKeys: ["weight_map"] }).map(shardIndex),
);

/** An array whose header says anything that looks like one. */
const npyHeaders = fc.record({
  descr: fc.oneof(fc.constantFrom("<f4", "|u1", "|b1", "<i8", ">f4", "|O", "<f2"), fc.string({ maxLength: 5 })),
  order: fc.constantFrom("True", "False", "None"),
  shape: sizes,
  version: fc.nat(4),
  data: fc.uint8Array({ maxLength: 64 }),
}).map(({ descr, order, shape, version, data }) => {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(", ")}), }\n`;
  const header = new TextEncoder().encode(text);
  const length = version < 2 ? [header.length, 0] : [header.length, 0, 0, 0];
  return Uint8Array.of(...npy.subarray(0, 6), version, 0, ...length, ...header, ...data);
});

/** Pieces of pickle programs: values, and what is done with those on the stack. */
const pickled: fc.Arbitrary<torch.Pickled> = fc.oneof(
  fc.constantFrom<torch.Pickled>(
    ...[[0x28], [0x74], [0x85], [0x86], [0x87], [0x5d], [0x7d], [0x29], [0x4e], [0x88], [0x61], [0x65], [0x73]],
    ...[[0x75], [0x62], [0x52], [0x81], [0x51], [0x94], [0x93], [0x8f], [0x90], [0x91], [0x2e]],
    ...[float, args, views, torch.global("argparse", "Namespace"), torch.global("torch", "FloatStorage")],
    ...[torch.global("torch._utils", "_rebuild_tensor_v2"), torch.global("collections", "OrderedDict")],
    ...["model", "__proto__", "__setstate__", "__dict__", "storage", "shape", "get", "toString"].map(torch.string),
    torch.tensor(float, 0, [12], [1]),
  ),
  fc.nat(3).map((slot) => [0x71, slot]),
  fc.nat(3).map((slot) => [0x68, slot]),
  fc.constantFrom(-1, 1, 12, 2 ** 31 - 1).map(torch.integer),
  fc.array(fc.nat(255), { minLength: 1, maxLength: 4 }),
);
const programs = fc.array(pickled, { maxLength: 30 }).map((program) =>
  torch.torchArchive(program.flat(), { "0": counting, "1": new BigInt64Array(2) })
);

/** Views of a storage with any offset, shape and strides. */
const viewFiles = fc.array(fc.tuple(size, sizes, sizes), { minLength: 1, maxLength: 5 }).map((all) => {
  const entries = all.map(([offset, shape, strides], i) => [`v${i}`, torch.tensor(float, offset, shape, strides)]);
  return torch.torchArchive(torch.dict(Object.fromEntries(entries)), { "0": counting });
});

const anything = fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes));

const damagedFiles = (valid: readonly Bytes[]) =>
  fc.tuple(fc.constantFrom(...valid), fc.array(damage, { minLength: 1, maxLength: 4 }))
    .map(([file, steps]) => steps.reduce((bytes, step) => step(bytes), file.slice()));

const { safetensors, torch: torchFormat, npz, npy: npyFormat, index } = formats;
const kinds: readonly [string, Format, fc.Arbitrary<Bytes>][] = [
  ...Object.entries(formats).flatMap(([name, format]): [string, Format, fc.Arbitrary<Bytes>][] => [
    [`damaged ${name} files`, format, damagedFiles(format.valid)],
    [`any bytes as ${name}`, format, anything],
  ]),
  ["made-up safetensors headers", safetensors!, headers],
  ["made-up indices of shards", index!, indices],
  ["made-up pickles", torchFormat!, programs],
  ["made-up views", torchFormat!, viewFiles],
  ["made-up npy headers", npyFormat!, npyHeaders],
  ["made-up npy headers in an npz", npz!, npyHeaders.map((file) => zipSync({ "a.npy": file }))],
];

for (const [name, format, files] of kinds) {
  Deno.test(`fuzz: ${name} are read or refused in one line, in bounded time and memory`, () => {
    const numRuns = Math.ceil(FILES / kinds.length);
    fc.assert(fc.property(files, (file) => check(format, file)), { seed: SEED, numRuns });
  });
}
