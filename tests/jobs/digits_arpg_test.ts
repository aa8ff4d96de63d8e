import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/load_config.ts";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { digitsArpgJob } from "../../src/jobs/digits_arpg.ts";
import { digitsArpgSchema } from "../../src/jobs/digits_arpg_config.ts";
import { loadArpg } from "../../src/models/load_arpg.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { outcome, runJob, writeDigits } from "./run_job.ts";
import { writeTinyModels } from "./tiny_models.ts";

const configFile = new URL("../../configs/digits_arpg.yaml", import.meta.url).pathname;

/** Settings of a run that takes seconds, with an untrained tokenizer and judge. */
async function tinyConfig(folder: string) {
  const { images, labels } = await writeDigits(folder, 240);
  const { tokenizer, judge } = await writeTinyModels(folder, 2);
  return loadConfig(configFile, digitsArpgSchema, [
    `data={source: {images: ${images}, labels: ${labels}}, train: 140, test: 100}`,
    `tokenizer=${tokenizer}`,
    "augmentation.variants=2",
    "model={dim: 16, layers: 2, heads: 2, multiple_of: 8, position: learned}",
    "train.steps=12",
    "train.batch_size=8",
    "train.evaluate_every=5",
    "train.dropout={token: 0.1, residual: 0.1, ffn: 0.1}",
    `evaluation={judge: ${judge}, samples: 100, steps: 4, guidance: {constant: [1], linear: [2]}, seed: 3}`,
  ]);
}

await fileTest(
  "digits_arpg: a run leaves what it names, and one stopped at any step ends alike",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      const config = await tinyConfig(folder);
      const whole = `${folder}/whole`;
      const table = await runJob(digitsArpgJob, config, whole);
      assert.equal(table!.split("\n").length, 1 + 2 + 1, "title, guidance scales, held-out digits");

      const records = await readMetrics(`${whole}/metrics.jsonl`);
      assert.deepEqual(
        records.map(({ step, loss, test_loss }) => [step, typeof loss, typeof test_loss]),
        [[5, "undefined", "number"], [10, "number", "undefined"], [10, "undefined", "number"], [
          12,
          "undefined",
          "number",
        ]],
      );
      const found = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      const tried = found.guidance.map(({ form, scale }: Record<string, unknown>) => ({ form, scale }));
      assert.deepEqual(tried, [{ form: "constant", scale: 1 }, { form: "linear", scale: 2 }]);
      assert.ok([1, 2].includes(found.best_guidance.scale) && found.held_out.frechet >= 0);
      assert.ok((await Deno.stat(`${whole}/samples/painted.png`)).size > 100);
      const saved = await readSafetensors(`${whole}/checkpoints/arpg.safetensors`);
      assert.deepEqual(loadArpg(device, saved, "arpg").config, {
        ...config.model,
        vocab: 12,
        classes: 10,
        cells: 4,
      });

      const expected = await outcome(whole);
      const stopped = `${folder}/stopped`;
      let summary = await runJob(digitsArpgJob, config, stopped, { patience: 3 });
      assert.equal(summary, null);
      for (const patience of [4, Infinity]) {
        summary = await runJob(digitsArpgJob, config, stopped, { resume: true, patience });
      }
      assert.equal(summary, table);
      assert.deepEqual(await outcome(stopped), expected);
    }),
);

await fileTest(
  "digits_arpg: training goes on from a file, if it has the config's sizes",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder);
      const { arpg } = await writeTinyModels(folder, 2); // of other sizes
      const other = { ...config, train: { ...config.train, initial: arpg } };
      await assert.rejects(runJob(digitsArpgJob, other, `${folder}/other`), {
        name: "UserError",
        message:
          `Cannot go on from ${arpg}: it differs from this config and tokenizer in dim, layers; name a model of ` +
          "the same sizes, or null",
      });
      await runJob(digitsArpgJob, config, `${folder}/first`);
      const initial = `${folder}/first/checkpoints/arpg.safetensors`;
      const losses = async (run: string) =>
        (await readMetrics(`${folder}/${run}/metrics.jsonl`)).map(({ test_loss }) => test_loss).filter(Boolean);
      await runJob(digitsArpgJob, { ...config, train: { ...config.train, initial } }, `${folder}/second`);
      assert.ok(Number((await losses("second"))[0]) < Number((await losses("first"))[0]));
    }),
);
