import assert from "node:assert/strict";
import { loadMnist, splitDigits } from "../../src/data/digits.ts";
import { classify, scoreOf } from "../../src/eval/classify.ts";
import { loadConfig } from "../../src/config/load_config.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { digitsJudgesSchema } from "../../src/jobs/digits_judges_config.ts";
import { loadJudge, makeJudge, saveJudge } from "../../src/jobs/judge_file.ts";
import { digitsJudgesJob } from "../../src/jobs/judges_job.ts";
import { Initializer } from "../../src/nn/init.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { outcome, runJob, writeDigits } from "./run_job.ts";

const configFile = new URL("../../configs/digits_judges.yaml", import.meta.url).pathname;
const assets = new URL("../../assets/", import.meta.url).pathname;

async function tinyConfig(folder: string) {
  const { images, labels } = await writeDigits(folder, 140);
  const data = `data={source: {images: ${images}, labels: ${labels}}, train: 100, test: 40}`;
  return loadConfig(configFile, digitsJudgesSchema, [data, "a.epochs=2", "b.epochs=3"]);
}

await fileTest(
  "digits_judges: two judges end in files that loadJudge reads; a run stopped at any batch ends alike",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder), whole = `${folder}/whole`;
      const summary = await runJob(digitsJudgesJob, config, whole);
      assert.match(summary!, /^Judge A: \d+\.\d\d % of 40 held-out digits, confidence \d+\.\d\d %\nJudge B: /);
      const found = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      const cards = {
        a: { architecture: "pooled", seed: 1, epochs: 2 },
        b: { architecture: "strided", seed: 2, epochs: 3 },
      };
      for (const name of ["a", "b"] as const) {
        const file = `${whole}/checkpoints/judge_${name}.safetensors`;
        const { metadata } = await readSafetensors(file);
        const { accuracy, ...card } = JSON.parse(metadata.config!);
        assert.deepEqual(card, { ...cards[name], size: 8 });
        assert.ok(Math.abs(accuracy - found.judges[name].accuracy) <= 1 / 40);
        assert.equal((await loadJudge(await testDevice(), file)).size, 8);
      }
      const expected = await outcome(whole);
      assert.deepEqual(
        expected.metrics.map((record) => Object.keys(record as object)),
        Array(5).fill(["phase", "epoch", "loss"]),
      );

      for (const patience of [1, 4]) { // batches: two of judge A, then three of judge B
        const stopped = `${folder}/stopped_${patience}`;
        assert.equal(await runJob(digitsJudgesJob, config, stopped, { patience }), null);
        assert.equal(await runJob(digitsJudgesJob, config, stopped, { resume: true }), summary);
        assert.deepEqual(await outcome(stopped), expected, `stopped after ${patience}`);
      }
    }),
);

await fileTest("loadJudge: files of other kinds are refused by name", () =>
  withTemporaryFolder(async (folder) => {
    const device = await testDevice(), file = `${folder}/judge.safetensors`;
    const judge = makeJudge(new Initializer(device, 1), { architecture: "pooled", size: 8 });
    const card = { architecture: "strided", size: 8, seed: 1, epochs: 1, accuracy: 0.5 } as const;
    await saveJudge(device, file, judge, card);
    await assert.rejects(loadJudge(device, file), ({ name, message }: Error) => {
      assert.equal(name, "UserError");
      assert.ok(message.startsWith(`${file}: Cannot load weights: `), message);
      return true;
    });
    for (const metadata of [{}, { config: "{" }, { config: JSON.stringify({ ...card, size: 1000 }) }]) {
      await writeSafetensors(file, new Map(), metadata);
      await assert.rejects(loadJudge(device, file), {
        name: "UserError",
        message: `Cannot load a judge from ${file}: its metadata has no config of a judge; name a file that the ` +
          "digits_judges job wrote",
      });
    }
  }));

await fileTest("assets: both judges of 28x28 digits read held-out digits", async () => {
  const device = await testDevice();
  const { test } = splitDigits(await loadMnist(), { train: 0, test: 250 });
  const judges = await Promise.all(
    ["a", "b"].map((name) => loadJudge(device, `${assets}digits_judge_${name}.safetensors`)),
  );
  for (const seen of await classify(device, judges, test.images)) {
    const { accuracy, confidence } = scoreOf(seen, test.labels);
    assert.ok(accuracy >= 0.975 && confidence >= 0.96, `accuracy ${accuracy}, confidence ${confidence}`);
    assert.equal(seen.features.length, 250 * 128);
  }
});
