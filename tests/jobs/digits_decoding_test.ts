import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/load_config.ts";
import { digitsDecodingJob, waysOf } from "../../src/jobs/digits_decoding.ts";
import { digitsDecodingSchema } from "../../src/jobs/digits_decoding_config.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { fileTest } from "../support/file_test.ts";
import { runJob, writeDigits } from "./run_job.ts";
import { writeTinyModels } from "./tiny_models.ts";

const configFile = new URL("../../configs/digits_decoding.yaml", import.meta.url).pathname;

Deno.test("digits_decoding: slices are every combination of their lists, each way once", () => {
  const slices = [
    { schedules: ["arccos", "linear"], orders: ["random"], steps: [2, 4], guidance: [1] },
    { schedules: ["linear"], orders: ["random", "rim"], steps: [4], guidance: [1, 2] },
  ] as const;
  const ways = waysOf({ slices: slices.map((slice) => ({ ...slice })) as never });
  assert.deepEqual(ways.map((way) => Object.values(way).join(" ")), [
    "arccos random 2 1",
    "arccos random 4 1",
    "linear random 2 1",
    "linear random 4 1",
    "linear random 4 2",
    "linear rim 4 1",
    "linear rim 4 2",
  ]);
});

await fileTest(
  "digits_decoding: a table, plots and repaired digits; a stopped run goes on with what it has",
  () =>
    withTemporaryFolder(async (folder) => {
      const { images, labels } = await writeDigits(folder, 240);
      const { arpg, tokenizer, judge } = await writeTinyModels(folder, 4);
      const config = loadConfig(configFile, digitsDecodingSchema, [
        `data={source: {images: ${images}, labels: ${labels}}, train: 140, test: 100}`,
        `model=${arpg}`,
        `tokenizer=${tokenizer}`,
        `judge=${judge}`,
        "samples=100",
        "slices=[{schedules: [arccos, linear], orders: [random], steps: [2], guidance: [1]}, " +
        "{schedules: [arccos], orders: [random, rim], steps: [2], guidance: [1]}, " +
        "{schedules: [arccos], orders: [random], steps: [2], guidance: [1, 2]}]",
        "inpainting={digits: 30, steps: 3, guidance: 2}",
      ]);
      const whole = `${folder}/whole`;
      const table = await runJob(digitsDecodingJob, config, whole);
      assert.equal(table!.split("\n").length, 1 + 4 + 1 + 1, "titles, ways, held-out digits, inpainting");
      const found = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      assert.equal(found.ways.length, 4);
      assert.deepEqual([found.inpainting.digits, found.inpainting.changed_tokens], [30, 0]);
      assert.ok(found.inpainting.filled >= 0 && found.inpainting.filled <= 1);
      for (const key of ["schedule", "order", "guidance"]) {
        for (const what of ["frechet", "accuracy"]) {
          assert.ok((await Deno.stat(`${whole}/plots/${what}_by_${key}.png`)).size > 100);
        }
      }
      assert.ok((await Deno.stat(`${whole}/samples/inpainting.png`)).size > 100);

      const stopped = `${folder}/stopped`;
      assert.equal(await runJob(digitsDecodingJob, config, stopped, { patience: 2 }), null);
      await runJob(digitsDecodingJob, config, stopped, { resume: true });
      const scores = ({ ways }: { ways: Record<string, unknown>[] }) =>
        ways.map(({ milliseconds, ...row }) => (void milliseconds, row));
      const again = JSON.parse(await Deno.readTextFile(`${stopped}/eval.json`));
      assert.deepEqual(scores(again), scores(found));
      assert.deepEqual(again.inpainting, found.inpainting);
    }),
);
