import assert from "node:assert/strict";
import { z } from "zod";
import { loadConfig } from "../../src/config/load_config.ts";
import { UserError } from "../../src/error.ts";
import { fileTest } from "../support/file_test.ts";

const schema = z.strictObject({
  train: z.strictObject({
    lr: z.number().positive(),
    steps: z.int().min(1),
    schedule: z.enum(["constant", "cosine"]).default("cosine"),
  }),
  model: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("arpg"), depth: z.int() }),
    z.strictObject({ type: z.literal("lstm"), hidden: z.int().multipleOf(4) }),
  ]),
  sizes: z.array(z.number().max(512)).min(1).default([16]),
  clip: z.union([z.number(), z.literal("auto")]).optional(),
  note: z.string().refine((text) => !text.includes("!"), { error: "write it calmly" }).optional(),
});

const good = "train:\n  lr: 3e-4\n  steps: 10\nmodel:\n  type: arpg\n  depth: 2\n";

/** The problems that `loadConfig` reports for `text`, a line each, with the directory cut off. */
async function problems(text: string, overrides: string[] = []): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/c.yaml`, text);
    loadConfig(`${folder}/c.yaml`, schema, overrides);
  } catch (error) {
    assert(error instanceof UserError, Deno.inspect(error));
    return error.message.replaceAll(`${folder}/`, "").split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return assert.fail("the config was accepted");
}

async function load(text: string, overrides: string[] = []): Promise<z.output<typeof schema>> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    return loadConfig(file, schema, overrides);
  } finally {
    await Deno.remove(file);
  }
}

await fileTest("loadConfig fills in defaults and applies overrides", async () => {
  assert.deepEqual(await load(good, ["train.steps=20", "sizes=[8, 32]", "sizes.1=64", "clip=auto"]), {
    train: { lr: 3e-4, steps: 20, schedule: "cosine" },
    model: { type: "arpg", depth: 2 },
    sizes: [8, 64],
    clip: "auto",
  });
});

await fileTest("a later override wins over an earlier one and may replace a section", async () => {
  const config = await load(good, ["model={type: lstm, hidden: 8}", "model.hidden=16"]);
  assert.deepEqual(config.model, { type: "lstm", hidden: 16 });
});

const misfits: [name: string, text: string, overrides: string[], expected: string[]][] = [
  ["a wrong type", good.replace("3e-4", "fast"), [], [
    'c.yaml:2:7: train.lr: expected number, received string "fast"',
  ]],
  ["an unknown key", good.replace("steps", "stpes"), [], [
    "c.yaml:1:1: train.steps: missing; expected number",
    'c.yaml:3:3: train.stpes: unknown key; did you mean "steps"?',
  ]],
  ["an unknown key that resembles none", good + "zebra: 1\n", [], ["c.yaml:7:1: zebra: unknown key"]],
  ["an unknown key of a union member", good + "  detph: 3\n", [], [
    'c.yaml:7:3: model.detph: unknown key; did you mean "depth"?',
  ]],
  ["a fraction for a whole number", good.replace("10", "1.5"), [], [
    "c.yaml:3:10: train.steps: expected whole number, received number 1.5",
  ]],
  ["a value too small", good.replace("3e-4", "0"), [], [
    "c.yaml:2:7: train.lr: expected more than 0, received number 0",
  ]],
  ["a value too large in a list", good + "sizes: [1, 1024]\n", [], [
    "c.yaml:7:12: sizes.1: expected at most 512, received number 1024",
  ]],
  ["an empty list", good + "sizes: []\n", [], [
    "c.yaml:7:8: sizes: expected at least 1 entries, received a list of 0",
  ]],
  ["a section for a list", good + "sizes: {a: 1}\n", [], ["c.yaml:7:1: sizes: expected list, received a section"]],
  ["no multiple", good.replace("type: arpg\n  depth: 2", "type: lstm\n  hidden: 6"), [], [
    "c.yaml:6:11: model.hidden: expected a multiple of 4, received number 6",
  ]],
  ["a word that is not on offer", good, ["train.schedule=cosin"], [
    '--set train.schedule=cosin: train.schedule: expected one of "constant", "cosine", received string "cosin"; did you mean "cosine"?',
  ]],
  ["a tag that is not on offer", good.replace("arpg", "arpgg"), [], [
    'c.yaml:5:9: model.type: expected one of "arpg", "lstm", received string "arpgg"; did you mean "arpg"?',
  ]],
  ["a missing tag", good.replace("  type: arpg\n", ""), [], [
    'c.yaml:4:1: model.type: missing; expected one of "arpg", "lstm"',
  ]],
  ["neither member of a plain union", good + "clip: atuo\n", [], [
    'c.yaml:7:7: clip: expected number or "auto", received string "atuo"',
  ]],
  ["a schema's own message", good + "note: now!\n", [], ["c.yaml:7:7: note: write it calmly"]],
  ["an empty file", "", [], ["c.yaml:1:1: expected section, received nothing"]],
  ["a duplicate key", good + "note: a\nnote: b\n", [], ["c.yaml:8:1: Map keys must be unique"]],
  ["a syntax error", "train: [1\nb: 2\n", [], [
    "c.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ]],
  ["a bomb of aliases", "a: &a [x, x]\nb: [*a, *a]\n", [], [
    "c.yaml:2:5: *a: aliases are not allowed; write the value out",
    "c.yaml:2:9: *a: aliases are not allowed; write the value out",
  ]],
  ["the key __proto__", good + "__proto__: {a: 1}\n", [], ["c.yaml:7:1: __proto__: unknown key"]],
  ["an override of an unknown key", good, ["trian.lr=1"], [
    '--set trian.lr=1: trian: unknown key; did you mean "train"?',
  ]],
  ["an override of an unknown inner key", good, ["train.le=1"], [
    '--set train.le=1: train.le: unknown key; did you mean "lr"?',
  ]],
  ["an override of a wrong type", good, ["train.lr=[1]"], [
    "--set train.lr=[1]: train.lr: expected number, received a list of 1",
  ]],
  ["an override through a value", good, ["train.lr.x=1"], [
    '--set train.lr.x=1: train.lr is 0.0003, which has no key "x"',
  ]],
  ["an override beyond a list", good + "sizes: [1]\n", ["sizes.1=1"], [
    "--set sizes.1=1: sizes is a list of 1; its entries are named from 0",
  ]],
  ["an override without a value", good, ["train.lr"], [
    "--set train.lr: expected KEY=VALUE with a dotted key, as in --set train.lr=3e-4",
  ]],
  ["an override with broken YAML", good, ["sizes=[1"], [
    "--set sizes=[1: the value is not valid YAML: Flow sequence must end with a ]",
  ]],
  ["an override of __proto__", good, ["__proto__.a=1"], ["--set __proto__.a=1: __proto__: unknown key"]],
  ["an override whose section misses a key", good, ["model={type: lstm}"], [
    "--set model={type: lstm}: model.hidden: missing; expected number",
  ]],
];
for (const [name, text, overrides, expected] of misfits) {
  await fileTest(`loadConfig names ${name}`, async () => {
    assert.deepEqual(await problems(text, overrides), expected);
  });
}

await fileTest("loadConfig names a missing file and its neighbour", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/digits.yaml`, good);
    const near = { message: `${folder}/digts.yaml: no such config file; did you mean ${folder}/digits.yaml?` };
    assert.throws(() => loadConfig(`${folder}/digts.yaml`, schema), near);
    assert.throws(() => loadConfig(`${folder}/no/x.yaml`, schema), {
      name: "UserError",
      message: `${folder}/no/x.yaml: no such config file`,
    });
    assert.throws(() => loadConfig(folder, schema), { message: `${folder}: is a directory, expected a YAML file` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
