import assert from "node:assert/strict";
import * as registry from "../../src/ops/registry.ts";
import { fileTest } from "../support/file_test.ts";

const root = new URL("../../", import.meta.url);
const ops = Object.entries(registry).map(([exportName, op]) => ({ exportName, op }));

for (const { exportName, op: { opName, shader, differentiable } } of ops) {
  const camelCase = opName.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

  Deno.test(`registry: ${opName} has one name, and its shader a header`, () => {
    assert.equal(exportName, `${camelCase}Op`);
    assert.equal(shader.name, opName);
    const header = /^(\/\/[^@].*\n)+/.exec(shader.text)?.[0] ?? "";
    assert.match(header, /\[[^\]]+\]/, "the header gives the layout of the operands in shape letters");
    assert.match(header, /lane|workgroup/, "the header gives the grid");
    assert.match(header, /cost/, "the header has a cost line");
  });

  await fileTest(`registry: ${opName} has a shader, a test and a documented function under its name`, async () => {
    assert.equal(shader.text, await Deno.readTextFile(new URL(`shaders/${opName}.wgsl`, root)));

    const page = await Deno.readTextFile(new URL(`src/ops/${opName}.ts`, root));
    const functions = [...page.matchAll(/^(.*)\nexport function (\w+)/gm)];
    assert.ok(functions.length > 0, "a public function stands beside the op");
    for (const [, above, name] of functions) assert.match(above!, /\*\/$/, `${name} needs a docstring`);

    const test = await Deno.readTextFile(new URL(`tests/ops/${opName}_test.ts`, root));
    const proof = differentiable ? new RegExp(`checkOp\\((\\w+\\.)?${exportName},`) : /checkOp\(|Deno\.test\(/;
    assert.match(test, proof, differentiable ? "checkOp proves the gradients" : "a test");
  });
}

await fileTest("registry: every op page of src/ops is registered", async () => {
  const registered = new Set(ops.map(({ op }) => op.opName));
  const missing: string[] = [];
  for await (const { name } of Deno.readDir(new URL("src/ops/", root))) {
    const text = await Deno.readTextFile(new URL(`src/ops/${name}`, root));
    if (/^export const \w+ = defineOp\(/m.test(text) && !registered.has(name.replace(/\.ts$/, ""))) missing.push(name);
  }
  assert.deepEqual(missing, []);
});

await fileTest("registry: every shader belongs to a page of src", async () => {
  const imported = new Set<string>();
  for await (const text of sources(new URL("src/", root))) {
    for (const [, file] of text.matchAll(/from "[./]+\/shaders\/([\w/]+\.wgsl)"/g)) imported.add(file!);
  }
  const orphans: string[] = [];
  for await (const { name, isFile } of Deno.readDir(new URL("shaders/", root))) {
    if (isFile && !imported.has(name)) orphans.push(name);
  }
  assert.deepEqual(orphans, []);
});

async function* sources(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else yield await Deno.readTextFile(new URL(name, folder));
  }
}
