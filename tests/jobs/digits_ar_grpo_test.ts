import assert from "node:assert/strict";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { readNpz } from "../../src/io/npz.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { fileTest } from "../support/file_test.ts";
import { outcome } from "./run_job.ts";
import { runTiny, tinyConfig } from "./tiny_run.ts";

await fileTest(
  "the job on digits: the same seed gives the same run, also stopped and resumed again and again",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder);
      const whole = `${folder}/whole`;
      const table = await runTiny(config, whole);
      await checkRun(whole, table!);
      const expected = await outcome(whole);

      const stopped = `${folder}/stopped`;
      const patience = [1, 2 + Math.floor(3 * Math.random()), 3 + Math.floor(4 * Math.random())];
      let summary = await runTiny(config, stopped, { patience: patience[0]! });
      assert.equal(summary, null, "stopped while training judge B");
      for (const each of [...patience.slice(1), Infinity]) {
        summary = await runTiny(config, stopped, { resume: true, patience: each });
      }
      assert.equal(summary, table, `stopped after ${patience}`);
      assert.deepEqual(await outcome(stopped), expected, `stopped after ${patience}`);

      const other = `${folder}/other`;
      await runTiny({ ...config, seed: config.seed + 1 }, other, { patience: 9 });
      assert.notDeepEqual((await outcome(other)).models["pretrained.safetensors"], undefined);
      assert.notEqual(
        (await outcome(other)).models["pretrained.safetensors"],
        expected.models["pretrained.safetensors"],
      );
    }),
);

/** Everything a finished run holds. */
async function checkRun(path: string, table: string): Promise<void> {
  const names = ["random_pixels", "pretrained", "from_scratch", "model"];
  assert.equal(table.split("\n").length, 1 + names.length + 1, "titles, a row for each, a line about them");
  const { models, samples } = JSON.parse(await Deno.readTextFile(`${path}/eval.json`));
  assert.deepEqual([Object.keys(models), samples, models.pretrained.klToPretrained], [names, 100, 0]);
  assert.ok(models.random_pixels.klToPretrained > 0);
  const records = await readMetrics(`${path}/metrics.jsonl`);
  const count = (phase: string) => records.filter((record) => record.phase === phase).length;
  assert.deepEqual(["judges", "pretrain", "from_scratch", "grpo"].map(count), [2, 1, 3, 4]);
  const looked = records.filter((record) => "judge_b_accuracy" in record).map(({ phase, updates }) => [phase, updates]);
  assert.deepEqual(looked, [["from_scratch", 0], ["from_scratch", 2], ["grpo", 0], ["grpo", 2]]);
  for (const name of names) {
    const arrays = await readNpz(`${path}/samples/${name}.npz`);
    assert.deepEqual(arrays.get("arr_0")!.shape, [100, 8, 8, 1]);
    assert.deepEqual([...arrays.get("labels")!.data].map(Number), Array.from({ length: 100 }, (_, i) => i % 10));
  }
  const pictures = [
    ...names.map((name) => `samples/${name}.png`),
    ...["samples/from_scratch_0002.png", "samples/grpo_0002.png"],
    ...["reward", "judges", "frechet", "divergence"].map((name) => `plots/${name}.png`),
  ];
  for (const picture of pictures) assert.ok((await Deno.stat(`${path}/${picture}`)).size > 100, picture);
}

await fileTest(
  "the job on digits: one digit from scratch, resumed before anything was saved",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder, "target=7", "from_scratch=true", "grpo.groups=2");
      const path = `${folder}/run`;
      await Deno.mkdir(`${path}/checkpoints`, { recursive: true });
      for (const name of ["samples", "plots"]) await Deno.mkdir(`${path}/${name}`);
      await Deno.writeTextFile(`${path}/config.yaml`, "");
      await runTiny(config, path, { resume: true });
      const { data } = (await readNpz(`${path}/samples/from_scratch.npz`)).get("labels")!;
      assert.deepEqual(new Set([...data].map(Number)), new Set([7]));
      const { models } = JSON.parse(await Deno.readTextFile(`${path}/eval.json`));
      assert.deepEqual(Object.keys(models), ["random_pixels", "from_scratch"]);
      assert.equal(models.from_scratch.klToPretrained, null);
    }),
);
