import assert from "node:assert/strict";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { writeReport } from "../../src/report/policy_report.ts";
import type { PolicyEvaluation } from "../../src/report/run_record.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { fileTest } from "../support/file_test.ts";
import { estimate, found, method, syntheticEvaluation, syntheticRun, trial } from "./synthetic_run.ts";

/** The page of a run; its elements must be closed in order, and nothing in it may load or run. */
async function page(run: RunDirectory): Promise<string> {
  const text = await Deno.readTextFile(await writeReport(run));
  const open: string[] = [];
  for (const [tag, close, name] of text.matchAll(/<(\/?)([a-zA-Z][\w-]*)(?:"[^"]*"|'[^']*'|[^>"'])*>/g)) {
    assert.ok(!/^(script|link|iframe|object|embed)$/.test(name!), tag);
    assert.ok(!/ on\w+=/.test(tag.replaceAll(/"[^"]*"|'[^']*'/g, "")), tag);
    assert.ok(!/ (src|href)="(?!data:image|#)/.test(tag), tag);
    if (/^(meta|img)$/.test(name!) || tag.endsWith("/>")) continue;
    if (close) assert.equal(open.pop(), name);
    else open.push(name!);
  }
  assert.deepEqual(open, []);
  return text;
}

/** Titles of the sections. */
const sections = (text: string) => [...text.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title);
/** The page as words: no tags, one space between words. */
const words = (text: string) =>
  text.replace(/<svg[^]*?<\/svg>/g, "").replace(/<[^>]+>/g, " ").replaceAll("&#39;", "'").replace(/\s+/g, " ");

await fileTest("writeReport: all of a run that was trained and evaluated", () =>
  withTemporaryFolder(async (folder) => {
    const run = await syntheticRun(`${folder}/run`);
    const text = await page(run);
    assert.deepEqual(sections(text), [
      "Policy against ARPG&#39;s own rule",
      "Quality and cost",
      "All methods",
      "Training",
      "What the policy decides",
      "Pictures",
      "Settings",
    ]);
    const said = words(text);
    for (
      const sentence of [
        "At 7.8 steps on average, policy for 8 steps, sampled against ARPG's own rule (arccos, random) at 8 steps: " +
        "Frechet distance 14 % lower (outside the intervals), judge error 10 % lower (within the intervals: no " +
        "difference shown), time per picture 17 % higher.",
        "All have guidance 1.5. All have temperature 1.",
        "3 of 64 groups had equal rewards: they taught nothing grpo, step 7 to 41, 2 times",
        "job: digits_policy",
        "adapter llvmpipe",
        "kernels matmul lane, rows plain",
      ]
    ) assert.ok(said.includes(sentence), sentence);
    assert.equal(text.match(/<b>68\.2 /g)?.length, 1, "the best of four steps is bold");
    for (const title of ["Reward", "Held-out Frechet distance", "Steps of a painting", "Cells painted at each step"]) {
      assert.match(text, new RegExp(`>${title}</text>`));
    }
    const image = `data:image/png;base64,${(await Deno.readFile(`${run.samples}/policy.png`)).toBase64()}`;
    assert.equal(text.split(image).length - 1, 2, "policy and rule side by side");
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length, "no id comes twice");
  }));

await fileTest(
  "writeReport: what is missing is a line with the command that makes it",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await RunDirectory.create(`${folder}/my run`);
      await run.writeText("config.yaml", "job: digits_policy\n");
      const untrained = words(await page(run));
      for (const what of ["Not evaluated", "No curves", "No pictures"]) {
        const line = `${what} yet: run deno task train --resume '${run.path}' .`;
        assert.ok(untrained.includes(line), line);
      }
      await run.writeText("checkpoints/policy.safetensors", "");
      const trained = words(await page(run));
      for (const what of ["Not evaluated", "No pictures"]) {
        const line = `${what} yet: run deno task eval --run '${run.path}' .`;
        assert.ok(trained.includes(line), line);
      }
    }),
);

await fileTest(
  "writeReport: files that cannot be read are told, and the rest is shown",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await syntheticRun(`${folder}/run`, { pictures: { "best.png": new Uint8Array(9) } });
      await run.writeText("metrics.jsonl", "{}\nbroken\n");
      await run.writeText("eval.json", '{"methods": 3}');
      await run.writeText("environment.json", "[");
      const said = words(await page(run));
      for (
        const line of [
          `Cannot read ${run.metrics}: line 2 is not a JSON object; remove or mend it.`,
          `Cannot read ${run.path}/eval.json: adapter: `,
          `${run.samples}/best.png is no picture.`,
          "Policy ARPG's own rule, same noise",
        ]
      ) assert.ok(said.includes(line), line);
    }),
);

await fileTest("writeReport: text from files is text, wherever it stands", () =>
  withTemporaryFolder(async (folder) => {
    const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`;
    const evaluation: PolicyEvaluation = {
      ...syntheticEvaluation(),
      ...{ adapter: hostile, commit: hostile, date: hostile, judge: hostile },
      methods: [
        method({ name: hostile, schedule: hostile, order: hostile }),
        method({ name: hostile, family: "policy", frechet: estimate(50) }),
      ].map((each) => ({ ...each, by_seed: { accuracy: [1, 1], frechet: [1, 2] } })),
      screening: [trial({ name: hostile })],
      tuning: [trial({ name: hostile })],
      headroom: [found(), found({ candidates: 4 })],
    };
    const run = await syntheticRun(`${folder}/run`);
    const records = [1, 2].map((step) => ({ phase: hostile, step, [hostile]: step, warning: hostile }));
    await run.writeText("metrics.jsonl", records.map((record) => JSON.stringify(record) + "\n").join(""));
    await run.writeText("config.yaml", `job: digits_policy\nnote: ${hostile}\n`);
    await run.writeJson("environment.json", { [hostile]: hostile });
    await run.writeJson("eval.json", { ...evaluation });
    const text = await page(run);
    assert.ok(text.split("&#60;script&#62;").length > 12, "it is shown");
    await run.writeText("eval.json", JSON.stringify({ other: hostile }));
    await page(run);
  }));

await fileTest(
  "writeReport: a run of another job has curves, plots, the last of its pictures and its results",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await syntheticRun(`${folder}/run`);
      await run.writeText("config.yaml", "job: digits_tokenizer\nseed: 1\n");
      await run.writeJson("eval.json", { test_mse: 0.01 });
      const picture = await Deno.readFile(`${run.samples}/policy.png`);
      for (const name of ["plots/loss.png", ...[1, 2, 3].map((n) => `samples/train_${n}.png`), "samples/real.png"]) {
        await run.writeBytes(name, picture);
      }
      const lines = [0, 1, 2].map((updates) => ({ phase: "train", updates, loss: 3 - updates, odd_name: updates }));
      await run.writeText("metrics.jsonl", lines.map((line) => JSON.stringify(line) + "\n").join(""));
      const text = await page(run);
      assert.deepEqual(sections(text), ["Training", "Pictures", "Plots of the job", "Results", "Settings"]);
      for (const title of ["Loss", "odd name", "update"]) assert.match(text, new RegExp(`>${title}</text>`));
      const captions = [...text.matchAll(/<figcaption>(.*?)<\/figcaption>/g)].map(([, caption]) => caption);
      assert.deepEqual(captions.slice(2), ["real.png", "train_2.png", "train_3.png", "loss.png"]);
      assert.match(text, /test_mse&#34;: 0\.01/);
    }),
);

await fileTest(
  "writeReport: steps that do not match, and numbers that are none, are said",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await syntheticRun(`${folder}/run`);
      const none = { value: NaN, low: NaN, high: NaN };
      const methods = [
        method({ name: "policy", family: "policy", mean_steps: 6, frechet: none, accuracy: none, kid: NaN }),
        method(),
      ];
      await run.writeJson("eval.json", { ...syntheticEvaluation(), methods, decisions: null });
      const said = words(await page(run));
      for (
        const sentence of [
          "The steps are not matched: the nearest evaluation of ARPG's own rule has 8 steps, the policy 6.",
          "Frechet distance not comparable (no interval)",
        ]
      ) assert.ok(said.includes(sentence), sentence);
      await run.writeJson("eval.json", { ...syntheticEvaluation(), methods: [], decisions: null });
      const empty = words(await page(run));
      assert.ok(empty.includes("No plot: no method has both Frechet distance and steps."));
      assert.ok(empty.includes("No comparison: eval.json has no method"));
    }),
);

await fileTest(
  "writeReport: curves of the discriminator and of the price of quality, where a reward has them",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await syntheticRun(`${folder}/run`);
      const titles = ["Scores of the discriminator", "Loss of the discriminator", "Price of quality"];
      const plain = await page(run);
      for (const title of titles) assert.ok(!plain.includes(title), title);
      const more = {
        discriminator_loss: 0.6,
        discriminator_real: 0.6,
        discriminator_painted: 0.4,
        efficiency_lambda: 4,
      };
      const records = [1, 2, 3].map((step) => ({ phase: "grpo", step, loss: 1, ...more }));
      await run.writeText("metrics.jsonl", records.map((record) => JSON.stringify(record) + "\n").join(""));
      const text = await page(run);
      for (const title of [...titles, "Loss"]) assert.equal(text.split(`>${title}</text>`).length, 2, title);
      for (const name of ["discriminator real", "discriminator painted"]) {
        assert.match(text, new RegExp(`>${name}</text>`));
      }
    }),
);
