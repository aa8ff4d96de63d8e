import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/load_config.ts";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { digitsTokenizerJob } from "../../src/jobs/digits_tokenizer.ts";
import { makeJudge, saveJudge } from "../../src/jobs/judge_file.ts";
import { digitsTokenizerSchema } from "../../src/jobs/digits_tokenizer_config.ts";
import { loadVqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { outcome, runJob, writeDigits } from "./run_job.ts";

const configFile = new URL("../../configs/digits_tokenizer.yaml", import.meta.url).pathname;

async function tinyConfig(folder: string) {
  const { images, labels } = await writeDigits(folder, 140);
  return loadConfig(configFile, digitsTokenizerSchema, [
    `data={source: {images: ${images}, labels: ${labels}}, train: 100, test: 40, shift: 1}`,
    "tokenizer.ch=4",
    "tokenizer.ch_mult=[1, 2]",
    "tokenizer.norm_groups=2",
    "tokenizer.z_channels=4",
    "tokenizer.codebook_size=24",
    "training.steps=12",
    "training.batch_size=8",
    "training.revive_after=2",
    "training.revive_until=9",
    "training.evaluate_every=5",
    "evaluation.judge=null",
  ]);
}

await fileTest(
  "digits_tokenizer: a run leaves what it names, and one stopped at any step ends alike",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder);
      const whole = `${folder}/whole`;
      const summary = await runJob(digitsTokenizerJob, config, whole);
      assert.match(summary!, /^40 held-out digits: mean squared error \d\.\d+, codes used [\d.]+ %, perplexity \d+$/);

      const records = await readMetrics(`${whole}/metrics.jsonl`);
      assert.deepEqual(records.map(({ step, ...rest }) => [step, "test_mse" in rest]), [[5, true], [10, false], [
        10,
        true,
      ]]);
      assert.deepEqual(
        Object.keys(records[1]!).filter((name) => !/^(phase|step|seconds.*|time.*)$/.test(name)),
        ["loss", "reconstruction", "codebook", "commitment", "perceptual"],
      );
      const found = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      assert.deepEqual([found.digits, found.seed, found.steps], [40, 1, 12]);
      for (const name of ["mse", "l1", "usage", "perplexity"]) assert.ok(found[name] > 0, name);
      assert.ok(found.usage <= 1 && found.perplexity <= 24);
      for (const picture of ["train_00005", "train_00010", "reconstructions"]) {
        assert.ok((await Deno.stat(`${whole}/samples/${picture}.png`)).size > 100, picture);
      }

      const file = `${whole}/checkpoints/tokenizer.safetensors`;
      const model = loadVqTokenizer(await testDevice(), await readSafetensors(file), file);
      assert.deepEqual(model.config, { ...config.tokenizer, image_channels: 1 });

      const expected = await outcome(whole), stopped = `${folder}/stopped`;
      const patience = 1 + Math.floor(10 * Math.random());
      assert.equal(await runJob(digitsTokenizerJob, config, stopped, { patience }), null);
      const resumed = await runJob(digitsTokenizerJob, config, stopped, { resume: true });
      assert.equal(resumed, summary, `stopped after ${patience}`);
      assert.deepEqual(await outcome(stopped), expected, `stopped after ${patience}`);
      assert.equal(await runJob(digitsTokenizerJob, config, stopped, { resume: true }), summary, "a finished run");

      await runJob(digitsTokenizerJob, { ...config, seed: 2 }, `${folder}/other`);
      assert.notDeepEqual((await outcome(`${folder}/other`)).models, expected.models);
    }),
);

await fileTest(
  "digits_tokenizer: a judge adds a loss and reads what comes back; one that is missing is told at once",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder), device = await testDevice(), judge = `${folder}/judge.safetensors`;
      const card = { architecture: "pooled", size: 8, seed: 1, epochs: 0, accuracy: 0.1 } as const;
      await saveJudge(device, judge, makeJudge(new Initializer(device, 1), card), card);
      const training = { ...config.training, perceptual: { judge, weight: 0.1 } };
      const summary = await runJob(digitsTokenizerJob, { ...config, training, evaluation: { judge } }, `${folder}/run`);
      assert.match(summary!, /; the judge reads [\d.]+ % of the originals, [\d.]+ % of these$/);
      const { judge: found } = JSON.parse(await Deno.readTextFile(`${folder}/run/eval.json`));
      assert.equal(found.file, judge);
      for (const share of [found.originals, found.reconstructions]) assert.ok(share >= 0 && share <= 1);
      const [record] = (await readMetrics(`${folder}/run/metrics.jsonl`)).filter((each) => "loss" in each);
      const { loss, reconstruction, codebook, commitment, perceptual } = record as Record<string, number>;
      assert.ok(perceptual! > 0);
      const parts = reconstruction! + codebook! + 0.25 * commitment! + 0.1 * perceptual!;
      assert.ok(Math.abs(loss! - parts) < 1e-5 * loss!);

      const missing = { ...config, evaluation: { judge: `${folder}/none` } };
      await assert.rejects(runJob(digitsTokenizerJob, missing, `${folder}/early`), {
        name: "UserError",
        message: `Cannot read ${folder}/none: there is no such file`,
      });
      assert.equal(await Deno.readTextFile(`${folder}/early/metrics.jsonl`), "", "nothing was trained");
    }),
);
