import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { memorySource } from "../../src/io/byte_source.ts";
import { parseTorchCheckpoint, readTorchCheckpoint, torchContent } from "../../src/io/torch_checkpoint.ts";
import { fileTest } from "../support/file_test.ts";
import * as torch from "./torch_archive.ts";
import { assertUserError } from "./user_error.ts";

const float = (key: string, elements: number) => torch.storage("FloatStorage", key, elements);
const counting = Float32Array.from({ length: 12 }, (_, i) => i);

/** The tensors of a checkpoint that is the dictionary `entries`. */
function parse(entries: Record<string, torch.Pickled>, storages: Record<string, ArrayBufferView<ArrayBuffer>>) {
  return parseTorchCheckpoint(torch.torchArchive(torch.dict(entries), storages), "w.pt");
}

Deno.test("torch: every element type becomes a host array", () => {
  const cases = [
    ["FloatStorage", new Float32Array([1.5, -2]), new Float32Array([1.5, -2])],
    ["HalfStorage", new Uint16Array([0x3c00, 0xc000]), new Float32Array([1, -2])],
    ["BFloat16Storage", new Uint16Array([0x3f80, 0xc000]), new Float32Array([1, -2])],
    ["LongStorage", new BigInt64Array([5n, -6n]), new Int32Array([5, -6])],
    ["IntStorage", new Int32Array([5, -6]), new Int32Array([5, -6])],
    ["ShortStorage", new Int16Array([5, -6]), new Int32Array([5, -6])],
    ["CharStorage", new Int8Array([5, -6]), new Int32Array([5, -6])],
    ["ByteStorage", new Uint8Array([5, 250]), new Uint8Array([5, 250])],
    ["BoolStorage", new Uint8Array([1, 0]), new Uint8Array([1, 0])],
  ] as const;
  for (const [type, stored, expected] of cases) {
    const tensors = parse({ x: torch.tensor(torch.storage(type, "0", 2), 0, [2], [1]) }, { "0": stored });
    assert.deepEqual(tensors.get("x"), { shape: [2], data: expected }, type);
  }
});

Deno.test("torch: views follow their offset and strides into a shared storage", () => {
  const storage = float("0", 12);
  const tensors = parse({
    whole: torch.tensor(storage, 0, [3, 4], [4, 1]),
    rows: torch.tensor(storage, 4, [2, 4], [4, 1]),
    transposed: torch.tensor(storage, 0, [4, 3], [1, 4]),
    column: torch.tensor(storage, 2, [3, 1], [4, 77]),
    expanded: torch.tensor(storage, 5, [2, 3], [0, 1]),
    scalar: torch.tensor(storage, 11, [], []),
    empty: torch.tensor(storage, 3, [0, 4], [4, 1]),
  }, { "0": counting });
  const values = Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...data]]));
  assert.deepEqual(values, {
    whole: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    rows: [4, 5, 6, 7, 8, 9, 10, 11],
    transposed: [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11],
    column: [2, 6, 10],
    expanded: [5, 6, 7, 5, 6, 7],
    scalar: [11],
    empty: [],
  });
  assert.deepEqual(tensors.get("transposed")!.shape, [4, 3]);
});

Deno.test("torch: the state dict is found under model, module and state_dict, beside anything inert", () => {
  const weights = torch.build(
    torch.dict({ w: torch.tensor(float("0", 2), 0, [2], [1]), _extra_state: torch.none }),
    torch.dict({ _metadata: torch.dict({}) }),
  );
  const parameter = torch.call(
    torch.global("torch._utils", "_rebuild_parameter"),
    torch.tensor(float("0", 2), 0, [2], [1]),
    torch.none,
  );
  const args = torch.object("argparse", "Namespace", torch.dict({ __setstate__: torch.none, lr: torch.integer(1) }));
  const unread = torch.tensor(torch.storage("DoubleStorage", "9", 1), 0, [1], [1]);
  const storages = { "0": new Float32Array([3, 4]) };
  for (const key of ["model", "module", "state_dict"]) {
    const tensors = parse({ args, epoch: torch.integer(3), momentum: unread, [key]: weights }, storages);
    assert.deepEqual([...tensors], [["w", { shape: [2], data: new Float32Array([3, 4]) }]], key);
  }
  assert.deepEqual([...parse({ args, p: parameter }, storages).keys()], ["p"]);
  // A dictionary of settings under one of the names is passed over.
  assert.deepEqual([...parse({ model: torch.dict({ dim: torch.integer(3) }), p: parameter }, storages).keys()], ["p"]);
});

Deno.test("torch: what stands beside the weights becomes metadata, one level deep", () => {
  const args = torch.object(
    "argparse",
    "Namespace",
    torch.dict({ gpt_model: torch.string("GPT-B"), lr: torch.integer(1), none: torch.none, deep: torch.dict({}) }),
  );
  const model = torch.dict({ w: torch.tensor(float("0", 2), 0, [2], [1]) });
  const root = torch.dict({ model, args, steps: torch.integer(7), optimizer: torch.dict({ lr: torch.integer(2) }) });
  const { entries, metadata } = torchContent(
    memorySource(torch.torchArchive(root, { "0": counting.slice(0, 2) }), "w"),
  );
  assert.deepEqual(metadata, { "args.gpt_model": "GPT-B", "args.lr": "1", steps: "7" });
  assert.deepEqual([...entries].map(([name, { dtype, shape }]) => [name, dtype, shape]), [["w", "F32", [2]]]);
});

Deno.test("torch: tensors that contradict the archive are refused by name", async () => {
  const cases: [torch.Pickled, string][] = [
    [torch.tensor(float("0", 12), 1, [12], [1]), "it reaches element 12 of a storage with 12"],
    [torch.tensor(float("0", 12), 0, [4, 4], [4, 1]), "it reaches element 15 of a storage with 12"],
    [torch.tensor(float("0", 12), 0, [4, 3], [1]), "it has 2 sizes and 1 strides"],
    [torch.tensor(float("1", 12), 0, [12], [1]), "its storage data/1 is not in the archive"],
    [torch.tensor(float("0", 11), 0, [11], [1]), "its storage data/0 has 48 bytes, not 11 elements of F32"],
    [
      torch.tensor(float("0", 12), 0, [2 ** 30, 4], [0, 1]),
      "with it the tensors repeat their storages more often than weights do; .clone() them",
    ],
    [
      torch.tensor(float("0", 12), 0, [2 ** 30, 2 ** 30], [0, 0]),
      "its shape [1073741824, 1073741824] is beyond any size",
    ],
    [
      torch.tensor(torch.storage("DoubleStorage", "0", 5), 0, [5], [1]),
      "its storage data/0 has 48 bytes, not 5 elements of F64",
    ],
  ];
  for (const [tensor, reason] of cases) {
    await assertUserError(() => parse({ x: tensor }, { "0": counting }), `Cannot read w.pt: tensor "x": ${reason}`);
  }
  await assertUserError(
    () =>
      parse({ x: torch.tensor(torch.storage("LongStorage", "0", 1), 0, [1], [1]) }, {
        "0": new BigInt64Array([2n ** 40n]),
      }),
    'Cannot read tensor "x" of w.pt: element 0 is 1099511627776, wanted int64 values that fit 32 bits',
  );
  await assertUserError(
    () => parse({ x: torch.tensor(torch.storage("DoubleStorage", "0", 6), 0, [6], [1]) }, { "0": counting }),
    'Cannot read tensor "x" of w.pt: its type is float64; convert it with .float()',
  );
});

Deno.test("torch: many views of one storage are refused before any is read", async () => {
  // Each names two elements, but all of the storage must be read for them.
  const ends = torch.tensor(float("0", 4000), 0, [2], [3999]);
  const views = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`v${i}`, ends]));
  await assertUserError(
    () => parse(views, { "0": new Float32Array(4000) }),
    'Cannot read w.pt: tensor "v21": with it the tensors repeat their storages more often than weights do; .clone() them',
  );
});

Deno.test("torch: archives that are no checkpoint are refused", async () => {
  const legacy = Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e);
  const empty = torch.dict({});
  const x = { x: torch.tensor(float("0", 12), 0, [12], [1]) };
  const big = torch.torchArchive(empty, {}, { "weights/byteorder": new TextEncoder().encode("big") });
  const second = torch.torchArchive(empty, {}, { "more/data.pkl": new Uint8Array(1) });
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [
      legacy,
      "Cannot read w.pt: it is no zip archive; a legacy PyTorch file is re-saved in the zip format by " +
      'torch.save(torch.load(path, map_location="cpu"), path)',
    ],
    [second, "Cannot read w.pt: a PyTorch checkpoint holds one data.pkl, this archive 2"],
    [
      zipSync({ "a.txt": new Uint8Array(1) }),
      "Cannot read w.pt: a PyTorch checkpoint holds one data.pkl, this archive 0",
    ],
    [big, "Cannot read w.pt: its byte order is not little-endian; re-save it on such a machine"],
    [
      torch.torchArchive(torch.dict(x), { "0": counting }, {}, 9),
      'Cannot read w.pt: "weights/data.pkl" in it is compressed; re-save it by torch.save',
    ],
    [
      zipSync({
        "weights/data.pkl": [torch.pickle(torch.dict(x)), { level: 0 }],
        "weights/data/0": [new Uint8Array(48), { level: 9 }],
      }),
      'Cannot read w.pt: "weights/data/0" in it is compressed; re-save it by torch.save',
    ],
    [torch.torchArchive(empty).slice(0, -30), "Cannot unpack w.pt: the archive is damaged or cut short"],
  ];
  for (const [bytes, message] of cases) await assertUserError(() => parseTorchCheckpoint(bytes, "w.pt"), message);
});

await fileTest("torch: checkpoints that PyTorch wrote", async () => {
  const fixtures = new URL("../fixtures/", import.meta.url).pathname;
  const lstm = await readTorchCheckpoint(`${fixtures}lstm-forward/weights.pt`);
  const shapes = Object.fromEntries([...lstm].map(([name, { shape }]) => [name, shape]));
  assert.deepEqual(shapes, {
    "embedding.weight": [256, 32],
    "lstm.weight_ih_l0": [128, 32],
    "lstm.weight_hh_l0": [128, 32],
    "lstm.bias_ih_l0": [128],
    "lstm.bias_hh_l0": [128],
    "lstm.weight_ih_l1": [128, 32],
    "lstm.weight_hh_l1": [128, 32],
    "lstm.bias_ih_l1": [128],
    "lstm.bias_hh_l1": [128],
    "output.weight": [256, 32],
    "output.bias": [256],
  });
  const classifier = await readTorchCheckpoint(`${fixtures}classifier-forward/weights.pt`);
  const filters = classifier.get("conv1.weight")!;
  assert.deepEqual(filters.shape, [32, 1, 3, 3]);
  // By numpy.frombuffer over the archive's data/0.
  assert.equal(filters.data[0], Math.fround(0.0571367032));
  assert.equal(filters.data[287], Math.fround(-0.0259054582));
});
