import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { evalCommand } from "../../src/cli/eval_command.ts";
import { type PolicyRunConfig, quickSettings } from "../../src/jobs/policy_evaluation_config.ts";
import { evaluationTable } from "../../src/jobs/policy_evaluation_table.ts";
import { readEvaluation } from "../../src/report/run_record.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { writeTinyPolicyRun } from "../jobs/tiny_policy_run.ts";
import { syntheticEvaluation } from "../report/synthetic_run.ts";
import { fileTest } from "../support/file_test.ts";

/** What `deno task eval` with these arguments prints and notes. */
async function evaluate(...args: string[]): Promise<{ status: number; lines: string[]; notes: string[] }> {
  const lines: string[] = [], notes: string[] = [];
  const build = (program: Parameters<typeof evalCommand>[0]) =>
    evalCommand(program, (text) => lines.push(...text.split("\n")));
  return { status: await commandStatus("eval", build, args, (line) => notes.push(line)), lines, notes };
}

await fileTest("eval: a table, eval.json and a plot of a policy's run", () =>
  withTemporaryFolder(async (folder) => {
    const run = await writeTinyPolicyRun(folder);
    const { status, lines, notes } = await evaluate("--run", run.path, "--seeds", "7");
    assert.deepEqual([status, notes], [0, []]);
    const found = (await readEvaluation(run))!;
    assert.deepEqual([found.seeds, found.samples, found.methods.length], [[7], 100, 6]);
    assert.deepEqual(found.tuning!.length, 12);
    assert.deepEqual(found.headroom!.map(({ steps, candidates }) => [steps, candidates]), [[2, 1], [2, 2], [4, 1], [
      4,
      2,
    ]]);
    assert.match(found.judge, /judge\.safetensors$/);
    assert.equal(lines.length, 1 + 6 + 1 + 2 + 2, "titles, methods, held-out digits, search, paths");
    assert.deepEqual(lines.slice(-2), [`${run.path}/eval.json`, `Report: ${run.path}/report.html`]);
    assert.ok((await Deno.readTextFile(`${run.path}/report.html`)).includes("What the order can gain"));
    assert.ok((await Deno.stat(`${run.path}/plots/pareto.png`)).size > 1000);
  }));

await fileTest(
  "eval: what cannot be evaluated is one line and status 2, and leaves eval.json as it was",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await writeTinyPolicyRun(folder);
      await run.writeText("eval.json", "{}");
      const refused = async (args: readonly string[], note: string) => {
        assert.deepEqual(await evaluate("--run", run.path, ...args), {
          status: 2,
          lines: [],
          notes: [`error: ${note}`],
        });
      };
      await refused(["--samples", "105"], "Cannot take --samples 105: wanted a multiple of 10, as many of each digit");
      await refused(["--samples", "10"], "Cannot take --samples 10: wanted a whole number from 100 to 1000000");
      await refused(
        ["--seeds", "1,1"],
        "Cannot take --seeds 1,1: a seed twice paints the same pictures; give each once",
      );
      await Deno.remove(`${run.path}/checkpoints/policy.safetensors`);
      await refused(
        [],
        `Cannot take the policy of ${run.path}: its training is not done; go on with deno task train --resume ${run.path}`,
      );
      await run.writeText("config.yaml", "job: digits_arpg\n");
      await refused([], `Cannot evaluate ${run.path}: wanted a run of digits_policy, got one of digits_arpg`);
      assert.equal(await Deno.readTextFile(`${run.path}/eval.json`), "{}");
    }),
);

Deno.test("evaluationTable: sorted by target and Frechet distance, with intervals", () => {
  const evaluation = syntheticEvaluation();
  const headroom = [1, 8].map((candidates) => ({
    ...{ steps: 4, candidates, samples: 500, reward: 0.5 },
    ...{ accuracy: 0.9, frechet: candidates === 1 ? 90 : 70.123 },
  }));
  const lines = evaluationTable({ ...evaluation, headroom }).split("\n");
  assert.equal(lines.length, 1 + evaluation.methods.length + 2);
  const row = lines.find((line) => line.startsWith("policy for 8 steps, sampled"))!;
  assert.match(row.replaceAll(/ +/g, " "), /^policy for 8 steps, sampled 7\.8 23\.2 1\.5 1 [\d.]+ \[[\d.]+, [\d.]+\] /);
  assert.match(lines.at(-2)!, /^2000 pictures a method and seed, 2 seeds, 95 % intervals; .* 9\.9, accuracy 98\.9 %$/);
  assert.equal(
    lines.at(-1),
    "Search at 4 steps, 500 pictures: the best of 8 orders by the reward has Frechet distance and accuracy 70.1, 90.0 %; " +
      "a single order 90, 90.0 %",
  );
});

Deno.test("eval --quick: one seed at the training's guidance and temperature", () => {
  const evaluation = {
    ...{ samples: 5000, seeds: [1, 2], tuning_samples: 1000, guidance: [1, 2], temperature: [0.9, 1] },
    ...{ speeds: [2], finalists: 3, search: 16, references: [12] },
  };
  const config = { evaluation, training: { cfg_scale: 1.5, temperature: 1 } } as unknown as PolicyRunConfig;
  assert.deepEqual(quickSettings(config), {
    ...{ samples: 500, seeds: [1], tuning_samples: 100, guidance: [1.5], temperature: [1] },
    ...{ speeds: [2], finalists: 1, search: 0, references: [12] },
  });
});
