import assert from "node:assert/strict";
import { MetricsLog, readMetrics } from "../../src/io/metrics_log.ts";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { type Look, PolicyPhase, rewardHacked } from "../../src/jobs/policy_phase.ts";
import { writeReport } from "../../src/report/policy_report.ts";
import type { DecodingGrpo } from "../../src/rl/decoding_grpo.ts";
import type { Grader } from "../../src/rl/grader.ts";
import { tinyPolicy } from "../policy/tiny_policy.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

const look = (held_out_accuracy: number, held_out_frechet: number): Look => ({ held_out_accuracy, held_out_frechet });

const warning = "the reward has risen from 0.5000 to 0.7000 while the held-out judge's accuracy fell from 95.0 % to " +
  "90.0 % and the Frechet distance rose from 40.0 to 60.0: the policy is learning the reward, not to paint; see the " +
  "troubleshooting in docs/decoding-policy.md";

Deno.test("rewardHacked: only where the reward rises while accuracy and Frechet distance both get worse", () => {
  const before = [{ reward: 0.5, ...look(0.95, 40) }];
  assert.equal(rewardHacked(before, { reward: 0.7, ...look(0.9, 60) }), warning);
  for (
    const [reward, now] of [
      [0.4, look(0.9, 60)],
      [0.7, look(0.95, 60)],
      [0.7, look(0.9, 41)],
      [NaN, look(0.9, 60)],
    ] as const
  ) assert.equal(rewardHacked(before, { reward, ...now }), null, `${reward} ${JSON.stringify(now)}`);
  assert.equal(rewardHacked([], { reward: 0.7, ...look(0.9, 60) }), null);
  const recovered = [...before, { reward: 0.6, ...look(0.8, 90) }];
  assert.equal(rewardHacked(recovered, { reward: 0.7, ...look(0.9, 60) }), warning, "against the last better look");
});

await fileTest(
  "PolicyPhase: a reward that is learnt in place of painting is said at once, and in the report",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      using _scope = device.scope();
      const rewards = [0.5, 0.7], looks = [look(0.9, 70), look(0.95, 40), look(0.9, 60)], said: string[] = [];
      // What a phase asks of a trainer between its looks.
      const trainer = { update: (n: number) => Promise.resolve({ reward: rewards[n]!, loss: 0 }), swapAverages() {} };
      const phase = new PolicyPhase(
        tinyPolicy(device),
        trainer as unknown as DecodingGrpo,
        {} as Grader,
        null,
        { look: (updates) => Promise.resolve(looks[updates]!), warn: rewardHacked },
        { epochs: 2, batchesPerEpoch: 1, lookEvery: 1, say: (line) => said.push(line) },
      );
      const run = await RunDirectory.create(`${folder}/run`);
      await run.writeText("config.yaml", "job: digits_policy\n");
      {
        using log = await MetricsLog.open(run.metrics);
        for (const n of [0, 1]) await phase.step(n, (record) => log.append({ phase: phase.name, ...record }));
      }
      assert.deepEqual(said.filter((line) => line.startsWith("Warning")), [`Warning: ${warning}`]);
      const warned = (await readMetrics(run.metrics)).filter((record) => record.warning !== undefined);
      assert.deepEqual(warned.map((record) => [record.step, record.warning]), [[2, warning]]);
      const page = (await Deno.readTextFile(await writeReport(run))).replaceAll("&#39;", "'");
      assert.ok(page.includes(`<b>Warnings</b><ul><li>${warning} <span class="fine">grpo, step 2</span></li></ul>`));
      assert.ok(page.indexOf("<b>Warnings</b>") < page.indexOf("<section"), "above everything else");
    }),
);
