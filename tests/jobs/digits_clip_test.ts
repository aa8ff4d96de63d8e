import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/load_config.ts";
import { loadMnist, splitDigits } from "../../src/data/digits.ts";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { clipTokenizer, loadClip } from "../../src/jobs/clip_files.ts";
import { digitsClipJob } from "../../src/jobs/digits_clip.ts";
import { digitsClipSchema } from "../../src/jobs/digits_clip_config.ts";
import { zeroShotAccuracy } from "../../src/jobs/digits_clip_evaluation.ts";
import { readClassNames } from "../../src/rewards/clip_names.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { runJob, writeDigits } from "./run_job.ts";

const root = new URL("../../", import.meta.url).pathname, configFile = `${root}configs/digits_clip.yaml`;

async function tinyConfig(folder: string, ...changes: string[]) {
  const { images, labels } = await writeDigits(folder, 140);
  const tower = "hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2";
  return loadConfig(configFile, digitsClipSchema, [
    `data={source: {images: ${images}, labels: ${labels}}, train: 100, test: 40, shift: 0}`,
    `names=${root}assets/digits_names.txt`,
    "templates=['a photo of {name}', '{name}']",
    `clip={projection_dim: 8, hidden_act: gelu, text: {${tower}}, vision: {${tower}, patch_size: 4}}`,
    "training.steps=40",
    "training.groups=2",
    "training.learning_rate=0.01",
    "training.warmup_steps=2",
    "training.ema_decay=0.5",
    "training.evaluate_every=35",
    ...changes,
  ]);
}

/** Metrics without times, and the bytes of the model's files. */
async function outcome(path: string) {
  const metrics = (await readMetrics(`${path}/metrics.jsonl`)).map((record) =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !/^(seconds|time)/.test(name)))
  );
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(`${path}/checkpoints/clip`)) {
    files[name] = (await Deno.readFile(`${path}/checkpoints/clip/${name}`)).toBase64();
  }
  return { metrics, files };
}

await fileTest(
  "digits_clip: learns which words name a picture, leaves HuggingFace's files, and ends alike however it is stopped",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder), whole = `${folder}/whole`;
      const summary = await runJob(digitsClipJob, config, whole);
      assert.match(
        summary!,
        /^40 held-out digits: [\d.]+ % named rightly by "a photo of the digit \{name\}", [\d.]+ % by all 2 templates$/,
      );
      const found = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      assert.deepEqual([found.digits, found.seed, found.steps, found.template], [
        ...[40, 1, 40],
        "a photo of the digit {name}",
      ]);
      assert.ok(found.ensemble_accuracy >= 0.5, `${found.ensemble_accuracy}, a tenth by chance`);
      const records = await readMetrics(`${whole}/metrics.jsonl`);
      assert.deepEqual(records.map(({ step, ...rest }) => [step, "loss" in rest, "test_accuracy" in rest]), [
        ...[[10, true, false], [20, true, false], [30, true, false], [35, false, true], [40, true, false]],
      ]);

      const expected = await outcome(whole), stopped = `${folder}/stopped`;
      assert.deepEqual(Object.keys(expected.files).sort(), [
        ...["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"],
      ]);
      const patience = 1 + Math.floor(38 * Math.random());
      assert.equal(await runJob(digitsClipJob, config, stopped, { patience }), null);
      assert.equal(await runJob(digitsClipJob, config, stopped, { resume: true }), summary, `after ${patience}`);
      assert.deepEqual(await outcome(stopped), expected, `stopped after ${patience}`);
      assert.equal(await runJob(digitsClipJob, config, stopped, { resume: true }), summary, "a finished run");
    }),
);

await fileTest(
  "digits_clip: a template without a place for the name, sizes that do not fit, and missing names are told",
  () =>
    withTemporaryFolder(async (folder) => {
      await assert.rejects(tinyConfig(folder, "templates=[a photo]"), {
        name: "UserError",
        message: /templates\.0: expected a text with "\{name\}" in the class's place$/,
      });
      await assert.rejects(tinyConfig(folder, "clip.text.num_attention_heads=3"), {
        name: "UserError",
        message: /clip\.text\.num_attention_heads: expected a number that divides hidden_size$/,
      });
      const patches = await tinyConfig(folder, "clip.vision.patch_size=9");
      await assert.rejects(runJob(digitsClipJob, patches, `${folder}/patches`), {
        name: "UserError",
        message: "Cannot train: clip.vision.patch_size is 9, the digits' side 8",
      });
      await assert.rejects(runJob(digitsClipJob, await tinyConfig(folder, `names=${folder}/none`), `${folder}/run`), {
        name: "UserError",
        message: `Cannot read ${folder}/none: there is no such file`,
      });
    }),
);

await fileTest("assets: the CLIP of digits names held-out digits by words", async () => {
  const device = await testDevice();
  const { test } = splitDigits(await loadMnist(), { train: 0, test: 250 });
  const folder = `${root}assets/digits_clip`, clip = await loadClip(device, folder);
  const tokenizer = await clipTokenizer(`${folder}/tokenizer.json`, clip.config.text_config);
  const names = await readClassNames(`${root}assets/digits_names.txt`, 10);
  const share = (template: string) => zeroShotAccuracy(device, clip, tokenizer, test, names, [template]);
  const { counters } = device.gpu.pool, before = counters.liveBytes;
  assert.ok(await share("a photo of the digit {name}") >= 0.9);
  assert.ok(await share("{name}") >= 0.9);
  assert.equal(counters.liveBytes, before, "nothing is left of a look");
});
