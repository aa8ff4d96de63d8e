import assert from "node:assert/strict";
import { fileTest } from "./support/file_test.ts";

const library = [
  ...["error.ts", "gpu", "tensor", "ops", "nn", "optim", "io", "data", "config", "report"],
  ...["models", "policy", "eval", "rewards", "rl"],
];

/** What each part of src may import besides itself; CONTRIBUTING.md draws it. Imports point downwards only. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "error.ts": [],
  gpu: ["error.ts"],
  tensor: ["error.ts", "gpu"],
  ops: ["error.ts", "gpu", "tensor"],
  nn: ["error.ts", "tensor", "ops"],
  optim: ["error.ts", "gpu", "tensor", "ops"],
  io: ["error.ts", "tensor"],
  data: ["error.ts", "tensor", "io"],
  config: ["error.ts"],
  report: ["error.ts", "io"],
  models: ["error.ts", "gpu", "tensor", "ops", "nn"],
  policy: ["error.ts", "gpu", "tensor", "ops", "nn", "models"],
  rewards: ["error.ts", "gpu", "tensor", "ops", "nn", "optim", "io", "data", "models", "eval"],
  eval: ["error.ts", "gpu", "tensor", "ops", "nn", "optim", "data", "models", "policy"],
  rl: ["error.ts", "gpu", "tensor", "ops", "nn", "optim", "data", "models", "policy", "rewards"],
  jobs: library,
  cli: [...library, "jobs"],
};

const root = new URL("../", import.meta.url);

/** Path from the repository's root and text of every file below the folders. */
async function sources(...folders: string[]): Promise<{ path: string; text: string }[]> {
  const found: { path: string; text: string }[] = [];
  for (const folder of folders) {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
      const path = `${folder}${name}`;
      if (isDirectory) found.push(...await sources(`${path}/`));
      else if (/\.(ts|wgsl)$/.test(name)) found.push({ path, text: await Deno.readTextFile(new URL(path, root)) });
    }
  }
  return found;
}

await fileTest("architecture: imports point downwards", async () => {
  const wrong: string[] = [];
  for (const { path, text } of await sources("src/")) {
    const part = path.split("/")[1]!;
    for (const [, specifier] of text.matchAll(/(?:from|import)[ (]"(\.[^"]+)"/g)) {
      const [top, imported] = new URL(specifier!, new URL(path, root)).href.slice(root.href.length).split("/");
      if (top === "src" && imported !== part && !mayImport[part]?.includes(imported!)) {
        wrong.push(`${path} imports ${specifier}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

await fileTest("architecture: no file is longer than 400 lines", async () => {
  const long = (await sources("src/", "shaders/", "tests/"))
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > 400);
  assert.deepEqual(long, []);
});

await fileTest("architecture: file names say what is inside", async () => {
  const vague = (await sources("src/", "shaders/", "tests/"))
    .map(({ path }) => path)
    .filter((path) => /(^|\/)(utils?|helpers?|index|common|misc)\.\w+$/.test(path) || !/^[a-z0-9_./]+$/.test(path));
  assert.deepEqual(vague, []);
});

await fileTest("architecture: no module of src keeps state", async () => {
  const state = /^(export )?(let|var) |^(export )?const \w+[^=]* = new (Map|Set|WeakMap|WeakSet)(<.*>)?\(\);/m;
  const stateful = (await sources("src/")).filter(({ text }) => state.test(text)).map(({ path }) => path);
  assert.deepEqual(stateful, []);
});
