import assert from "node:assert/strict";
import { parseTorchCheckpoint } from "../../src/io/torch_checkpoint.ts";
import { parseTorchPickle } from "../../src/io/torch_pickle.ts";
import * as torch from "./torch_archive.ts";
import { assertUserError } from "./user_error.ts";

const float = (key: string, elements: number) => torch.storage("FloatStorage", key, elements);
const counting = Float32Array.from({ length: 12 }, (_, i) => i);
const x = torch.tensor(float("0", 12), 0, [12], [1]);
const parse = (root: torch.Pickled) => parseTorchCheckpoint(torch.torchArchive(root, { "0": counting }), "w.pt");

/** Opcodes: a list of values, and values kept and taken again by number. */
const list = (...items: torch.Pickled[]): torch.Pickled => [0x5d, 0x28, ...items.flat(), 0x65];
const keep = (value: torch.Pickled, slot: number): torch.Pickled => [...value, 0x71, slot];
const kept = (slot: number): torch.Pickled => [0x68, slot];
Deno.test("torch pickle: names of anything but tensors are refused, and nothing runs", async () => {
  const advice = "which is not allowed; re-save the weights alone with torch.save(model.state_dict(), path)";
  const refused: [string, string][] = [
    ["os", "system"],
    ["builtins", "eval"],
    ["builtins", "getattr"],
    ["torch.storage", "_load_from_bytes"],
    ["__builtin__", "__proto__"],
  ];
  for (const [module, name] of refused) {
    await assertUserError(
      () => parse(torch.dict({ x: torch.call(torch.global(module, name), torch.string("echo")) })),
      `Cannot read w.pt: it asks to run the Python global "${module}.${name}", ${advice}`,
    );
  }
  const stackGlobal = [...list(list(), list()), ...list(), 0x93]; // names that are lists
  await assertUserError(
    () => parse(torch.dict({ x: stackGlobal })),
    `Cannot read w.pt: it asks to run the Python global "of no name", ${advice}`,
  );
});

Deno.test("torch pickle: what describes something else is refused", async () => {
  const rebuild = torch.global("torch._utils", "_rebuild_tensor_v2");
  const many = Array.from({ length: 9 }, () => torch.none);
  const axes = Array<number>(65).fill(1);
  const cases: [torch.Pickled, string][] = [
    [torch.integer(3), "it holds no dictionary of tensors"],
    [
      torch.dict({ epoch: torch.integer(3), "we\nights": torch.dict({}) }),
      'no tensors at the top level or under model, module, state_dict; its keys are ["epoch", "we\\nights"]',
    ],
    [
      torch.dict({ x: torch.call(rebuild, torch.integer(0)) }),
      "it describes a tensor without storage, shape, strides and offset",
    ],
    [
      torch.dict({ x: torch.call(rebuild, float("0", 12), ...many) }),
      "it describes a tensor without storage, shape, strides and offset",
    ],
    [
      torch.dict({ x: torch.tensor(float("0", 12), -1, [1], [1]) }),
      "it describes a tensor without storage, shape, strides and offset",
    ],
    [
      torch.dict({ x: torch.tensor(float("0", 12), 0, axes, axes) }),
      "it describes a tensor without storage, shape, strides and offset",
    ],
    [
      torch.dict({ x: torch.call(torch.global("torch._utils", "_rebuild_parameter"), torch.none) }),
      "it describes a parameter without a tensor",
    ],
    [
      torch.dict({ x: torch.call(torch.global("collections", "OrderedDict"), list()) }),
      "it describes a dictionary made of pairs",
    ],
    [
      torch.dict({ x: torch.tensor(torch.storage("FloatStorage", "0", -1), 0, [1], [1]) }),
      "it refers to something other than a tensor's storage",
    ],
    [[0x52], "its pickle is damaged"],
  ];
  for (const [root, reason] of cases) await assertUserError(() => parse(root), `Cannot read w.pt: ${reason}`);
});

Deno.test("torch pickle: opcodes outside the list are refused before anything is built", async () => {
  const needless = "which weights do not need; re-save the state dict alone";
  const cut = "is cut short or damaged";
  const build: torch.Pickled = [...torch.dict({}), 0x62];
  const cases: [torch.Pickled, string][] = [
    [[0x69, ...torch.string("os\nsystem\n")], `holds the opcode 0x69 at byte 2, ${needless}`], // INST
    [[0x28, 0x64], `holds the opcode 0x64 at byte 3, ${needless}`], // DICT, which sets attributes
    [[0x8b, 255, 255, 255, 0], `holds the opcode 0x8b at byte 2, ${needless}`], // LONG4
    [[0x00], `holds the opcode 0x00 at byte 2, ${needless}`],
    [[0x42, 0xfb, 0xff, 0xff, 0xff], cut], // BINBYTES of -5 bytes, which would go backwards for ever
    [[0x8d, 0, 0, 0, 0, 0, 0, 0, 0xff], cut],
    [[0x58, 9], cut],
    [[0x63, 0x6f, 0x73, 0x0a, 0x78], cut],
    [[0x8a, 8, 0, 0, 0, 0, 0, 0, 0x20, 0], "holds an integer beyond 2^53 at byte 2"],
    [[0x8a, 9, 1, 2, 3, 4, 5, 6, 7, 0, 0], "holds an integer beyond 2^53 at byte 2"],
    [
      [...torch.string("a".repeat(100_000)), ...Array.from({ length: 600 }, () => build).flat()],
      "sets attributes 489 times and more, which weights do not need",
    ],
  ];
  for (const [root, reason] of cases) {
    await assertUserError(() => parse(root), `Cannot read w.pt: its pickle ${reason}`);
  }
  await assertUserError(
    () => parse(Array<number>(2 ** 24).fill(0x4e)),
    `Cannot read w.pt: its pickle has more than the ${2 ** 24} bytes allowed`,
  );
});

Deno.test("torch pickle: newer protocols and integers of eight bytes are read", () => {
  const protocol4 = [0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, ...[0x8c, 1, 0x61, 0x94], 0x2e];
  assert.equal(parseTorchPickle(Uint8Array.from(protocol4), "f"), "a");
  assert.equal(parseTorchPickle(torch.pickle([0x8a, 7, 255, 255, 255, 255, 255, 255, 0x1f]), "f"), 2 ** 53 - 1);
});

Deno.test("torch pickle: lists dressed up as what they are not are passed over or refused", async () => {
  const proto = (value: torch.Pickled, attributes: Record<string, torch.Pickled> = {}): torch.Pickled =>
    torch.build(list(), [
      ...[0x7d, 0x28, ...torch.string("__proto__"), ...value],
      ...Object.entries(attributes).flatMap(([key, item]) => [...torch.string(key), ...item]),
      0x75,
    ]);
  const namespace = torch.object("argparse", "Namespace", torch.dict({}));
  await assertUserError(() => parse(proto(torch.dict({ x }))), "Cannot read w.pt: it holds no dictionary of tensors");
  const dressed = torch.dict({ x, y: proto(x, { shape: torch.string("12") }), args: proto(namespace) });
  assert.deepEqual([...parse(dressed).keys()], ["x"]);
  await assertUserError(
    () => parse(torch.dict({ x: torch.tensor(proto(float("0", 12), { key: list() }), 0, [1], [1]) })),
    "Cannot read w.pt: it describes a tensor without storage, shape, strides and offset",
  );
  // Assigning to an allowed name must not change what it means for the next file.
  await assertUserError(
    () => parse(torch.dict({ x: torch.build(torch.global("torch", "FloatStorage"), torch.dict({ dtype: x })) })),
    "Cannot read w.pt: its pickle is damaged",
  );
  assert.deepEqual(parse(torch.dict({ x })).get("x")!.data, counting);
});

Deno.test("torch pickle: a shape that is changed after the tensor was made does not change the tensor", () => {
  const shape = keep(list(torch.integer(12)), 1);
  const tensor = torch.call(
    torch.global("torch._utils", "_rebuild_tensor_v2"),
    ...[float("0", 12), torch.integer(0), shape, torch.tuple(torch.integer(1))],
  );
  const changed = [...kept(1), ...torch.string("evil"), 0x61];
  assert.deepEqual(parse(torch.dict({ x: tensor, y: changed })).get("x")!.shape, [12]);
});
