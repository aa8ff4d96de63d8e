import assert from "node:assert/strict";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError } from "./user_error.ts";

await fileTest(
  "run directory: a new run has its folders, and can be opened once it has its config",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/runs/digits`;
      const run = await RunDirectory.create(path);
      assert.deepEqual((await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort(), [
        "checkpoints",
        "plots",
        "samples",
      ]);
      await assertUserError(
        () => RunDirectory.open(path),
        `Cannot open the run ${path}: it has no config.yaml; name a folder that train wrote`,
      );
      await run.writeText("config.yaml", "seed: 1\n");
      const opened = await RunDirectory.open(path);
      assert.equal(await Deno.readTextFile(opened.config), "seed: 1\n");
      assert.deepEqual(
        [opened.metrics, opened.checkpoints, opened.samples, opened.plots],
        ["metrics.jsonl", "checkpoints", "samples", "plots"].map((x) => `${path}/${x}`),
      );
    }),
);

await fileTest("run directory: writes go into the run", () =>
  withTemporaryFolder(async (folder) => {
    const run = await RunDirectory.create(folder);
    await run.writeJson("eval.json", { quality: [0.5, NaN], note: undefined });
    assert.equal(await Deno.readTextFile(`${folder}/eval.json`), '{\n  "quality": [\n    0.5,\n    "NaN"\n  ]\n}\n');
    await run.writeBytes("samples/grid.png", new Uint8Array([1, 2]));
    assert.deepEqual(await Deno.readFile(`${run.samples}/grid.png`), new Uint8Array([1, 2]));
    const kernels = { matmul: "lane" };
    await run.writeEnvironment({ version: "0.1.0", commit: null, adapter: "llvmpipe", kernels, seed: 7 });
    assert.deepEqual(JSON.parse(await Deno.readTextFile(`${folder}/environment.json`)), {
      version: "0.1.0",
      commit: null,
      adapter: "llvmpipe",
      kernels,
      seed: 7,
      deno: Deno.version.deno,
      platform: `${Deno.build.os}-${Deno.build.arch}`,
    });
    assert.deepEqual([await run.kernels("llvmpipe"), await run.kernels("NVIDIA L4")], [kernels, undefined]);
    assert.equal(await run.commit(), null);
    for (const broken of ["{", "null", "[]"]) {
      await run.writeText("environment.json", broken);
      assert.deepEqual([await run.kernels("llvmpipe"), await run.commit()], [undefined, null]);
    }
  }));

await fileTest("run directory: a folder in use and a file are refused", () =>
  withTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertUserError(
      () => RunDirectory.create(folder),
      `Cannot start a run in ${folder}: the folder is not empty; ` +
        `continue its run with --resume ${folder} or name another with --out`,
    );
    await assertUserError(
      () => RunDirectory.create(`${folder}/file`),
      `Cannot start a run in ${folder}/file: it is a file; name a folder with --out`,
    );
    for (const path of [`${folder}/no`, `${folder}/file`]) {
      await assertUserError(
        () => RunDirectory.open(path),
        `Cannot open the run ${path}: it has no config.yaml; name a folder that train wrote`,
      );
    }
  }));
