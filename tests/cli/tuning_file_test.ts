import assert from "node:assert/strict";
import { saveTable, tableOfRun, tunedTable, tuningKey, tuningPath } from "../../src/cli/tuning_file.ts";
import type { OpenedAdapter } from "../../src/gpu/adapter.ts";
import { defaultTable, type KernelTable } from "../../src/gpu/kernel_table.ts";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { fileTest } from "../support/file_test.ts";

/** An adapter as far as choices look at it. */
function adapterNamed(name: string, description = name): OpenedAdapter {
  const device = { adapterInfo: { vendor: "4318", architecture: "", device: "0", description } };
  return { name, software: false, subgroupSize: 0, features: new Set(), device: device as unknown as GPUDevice };
}

const adapter = adapterNamed("NVIDIA L4");
const defaults = defaultTable(adapter);
const chosen: KernelTable = { ...defaults, matmul: "block64", rows: "plain" };

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(`${folder}/.cache/kernels.json`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The table of a file with this text, and the lines that were noted. */
async function readBack(path: string, text: string): Promise<{ table: KernelTable; notes: string[] }> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
  const notes: string[] = [];
  return { table: await tunedTable(adapter, path, (line) => notes.push(line)), notes };
}

Deno.test("choices of kernels lie in the checkout and name adapter, driver, version and runtime", () => {
  assert.match(tuningPath!, /\.cache\/kernels\.json$/);
  assert.match(
    tuningKey(adapterNamed("NVIDIA L4", "driver 570")),
    /^NVIDIA L4; 4318; ; driver 570; Stipple .+; Deno .+$/,
  );
});

fileTest("a kept choice is used on its adapter alone, and others are kept beside it", () =>
  inFolder(async (path) => {
    const silent = (line: string) => assert.fail(line);
    assert.deepEqual(await tunedTable(adapter, path, silent), defaults, "no file yet");
    await saveTable(adapter, chosen, path);
    assert.deepEqual(await tunedTable(adapter, path, silent), chosen);
    const other = adapterNamed("NVIDIA L4", "driver 580");
    assert.deepEqual(await tunedTable(other, path, silent), defaults, "another driver");
    await saveTable(other, { ...chosen, rows: "block" }, path);
    assert.deepEqual(await tunedTable(adapter, path, silent), chosen);
    assert.equal((await tunedTable(other, path, silent)).rows, "block");
  }));

fileTest("a broken file of choices is ignored with one line", () =>
  inFolder(async (path) => {
    const entry = (table: unknown) => JSON.stringify({ [tuningKey(adapter)]: table });
    const wanted = "wanted one of plain, lane, block64, block128 for matmul, got";
    const cases: [text: string, reason: RegExp][] = [
      ["{", /JSON/],
      ["[]", /wanted choices by adapter/],
      [entry(null), new RegExp(`${wanted} undefined`)],
      [entry({ ...chosen, matmul: "fast" }), new RegExp(`${wanted} fast`)],
      [entry({ ...chosen, matmul: "lane" }), new RegExp(`${wanted} lane`)],
      [" ".repeat(1e6 + 1), /wanted at most 1000000 bytes/],
    ];
    for (const [text, reason] of cases) {
      const { table, notes } = await readBack(path, text);
      assert.deepEqual(table, defaults);
      assert.equal(notes.length, 1);
      assert.match(notes[0]!, reason);
      assert.match(notes[0]!, /^Ignoring .*kernels\.json: ".*"; deno task tune writes it anew$/);
    }
    await saveTable(adapter, chosen, path);
    assert.deepEqual(await tunedTable(adapter, path), chosen, "written anew");
  }));

fileTest(
  "a run goes on with the kernels it was started with, whatever was chosen since",
  () =>
    inFolder(async (path) => {
      const run = await RunDirectory.create(`${path}_run`), notes: string[] = [];
      const resumed = (on = adapter) => tableOfRun(run, on, path, (line) => notes.push(line));
      const written = (kernels: KernelTable) =>
        run.writeEnvironment({ version: "0.1.0", commit: null, adapter: adapter.name, kernels, seed: 1 });
      await saveTable(adapter, chosen, path);
      assert.deepEqual(await resumed(), chosen, "the run tells none");
      await written(defaults);
      assert.deepEqual(await resumed(), defaults);
      assert.deepEqual(await resumed(adapterNamed("Intel Arc")), defaultTable(adapterNamed("Intel Arc")), "moved");
      assert.deepEqual(notes, []);
      await written({ ...defaults, matmul: "lane" });
      assert.deepEqual(await resumed(), chosen);
      assert.deepEqual(notes, [
        `Ignoring the kernels in ${run.path}/environment.json: "wanted one of plain, lane, block64, block128 for ` +
        'matmul, got lane"; the run may go on with other roundings',
      ]);
    }),
);
