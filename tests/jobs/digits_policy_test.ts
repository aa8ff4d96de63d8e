import assert from "node:assert/strict";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { digitsPolicyJob } from "../../src/jobs/digits_policy.ts";
import { loadPolicy } from "../../src/jobs/policy_file.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { outcome, runJob } from "./run_job.ts";
import { tinyPolicyConfig } from "./tiny_policy_config.ts";

await fileTest(
  "digits_policy: a run leaves what it names, and one stopped at any update ends alike",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyPolicyConfig(folder, [
        "reward.quality={weight: 1, form: calibrated}",
        "reward.fidelity={weight: 1}",
        "reward.realism={weight: 1, form: discriminator}",
        "reward.efficiency={form: constraint, slack: 0.1, rate: 0.5}",
      ]);
      const whole = `${folder}/whole`;
      const summary = await runJob(digitsPolicyJob, config, whole);
      assert.match(summary!, /policy, sampled +2\.0/);
      assert.match(summary!, /Report: .*whole\/report\.html$/);

      const records = await readMetrics(`${whole}/metrics.jsonl`);
      assert.deepEqual(records.map(({ step }) => step), [0, 1, 2, 3, 4]);
      assert.deepEqual(records.map(({ held_out_frechet: found }) => typeof found), [
        "number",
        "undefined",
        "number",
        "undefined",
        "number",
      ]);
      const [, first] = records;
      assert.ok(Number(first!.first_log_ratio_max) < 1e-4, `${first!.first_log_ratio_max}`);
      assert.equal(first!.completion_rate, 1);
      for (const name of ["reward_quality", "hand_reward_fidelity", "reward_above_hand", "entropy_position"]) {
        assert.equal(typeof first![name], "number", name);
      }
      for (const name of ["loss", "real", "painted"]) {
        assert.ok(Number(first![`discriminator_${name}`]) > 0, name);
      }
      assert.ok(Number(first!.efficiency_lambda) > 0);
      for (const name of ["seconds_rollout", "seconds_reward", "seconds_update"]) assert.ok(Number(first![name]) > 0);
      const { methods } = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      assert.deepEqual(
        methods.map(({ family, target_steps }: { family: string; target_steps: number }) => [family, target_steps]),
        [["policy", 2], ["arpg", 2], ["policy", 4], ["arpg", 4]],
      );
      for (const name of ["policy.png", "arpg.png", "policy.gif", "arpg.gif", "best.png", "worst.png"]) {
        assert.ok((await Deno.stat(`${whole}/samples/${name}`)).size > 100, name);
      }
      const policy = await loadPolicy(await testDevice(), `${whole}/checkpoints/policy.safetensors`);
      assert.deepEqual(policy.config.targets, [2, 4]);

      const expected = await outcome(whole);
      const stopped = `${folder}/stopped`;
      assert.equal(await runJob(digitsPolicyJob, config, stopped, { patience: 1 }), null);
      for (const patience of [1, Infinity]) {
        await runJob(digitsPolicyJob, config, stopped, { resume: true, patience });
      }
      assert.deepEqual(await outcome(stopped), expected);
    }),
);

await fileTest(
  "digits_policy: policy and generator learn together, or the generator alone, and resume alike",
  () =>
    withTemporaryFolder(async (folder) => {
      for (const train of ["both", "generator"] as const) {
        const config = await tinyPolicyConfig(folder, [`train=${train}`, "training.num_epochs=1"]);
        const whole = `${folder}/${train}`, stopped = `${whole}_stopped`;
        await runJob(digitsPolicyJob, config, whole);
        const records = await readMetrics(`${whole}/metrics.jsonl`);
        assert.ok(Number(records[1]!.generator_first_log_ratio_max) < 1e-4);
        assert.equal(typeof records[1]!.kl_degree, train === "both" ? "number" : "undefined");
        const [before, after] = [config.model, `${whole}/checkpoints/arpg.safetensors`];
        const head = async (path: string) => (await readSafetensors(path)).tensors.get("head.weight")!.data;
        assert.notDeepEqual(await head(after), await head(before), "the generator has moved");
        assert.equal(await runJob(digitsPolicyJob, config, stopped, { patience: 0 }), null);
        await runJob(digitsPolicyJob, config, stopped, { resume: true });
        assert.deepEqual(await outcome(stopped), await outcome(whole));
      }
      const config = await tinyPolicyConfig(folder, ["train=both", "reward.fidelity={weight: 1}"]);
      await assertUserError(
        () => runJob(digitsPolicyJob, config, `${folder}/refused`),
        "Cannot train: both with reward.fidelity: fidelity is to the frozen generator; set reward.fidelity=null",
      );
    }),
);

await fileTest(
  "digits_policy: a reward of the user's works; a broken one stops the run in one line, its checkpoint intact",
  () =>
    withTemporaryFolder(async (folder) => {
      const module = `${folder}/my_reward.ts`;
      const write = (body: string) => Deno.writeTextFile(module, `export function reward({ classes }) { ${body} }`);
      await write("return Array.from(classes, (label) => label / 10);");
      const changes = [`reward.module={path: ${module}, weight: 2}`, "training.num_epochs=1"];
      const path = `${folder}/run`;
      await runJob(digitsPolicyJob, await tinyPolicyConfig(folder, changes), path);
      const [, first] = await readMetrics(`${path}/metrics.jsonl`);
      assert.ok(Math.abs(Number(first!.reward_my_reward) - 0.15) < 1e-6, "classes 0 to 3");

      const broken = `${folder}/broken.ts`;
      await Deno.writeTextFile(
        broken,
        "let calls = 0;\nexport function reward({ classes }) { return ++calls < 3 ? [...classes].map(() => 0.5) : [1]; }",
      );
      const config = await tinyPolicyConfig(folder, [
        `reward.module={path: ${broken}, weight: 2}`,
        "checkpoint_seconds=0.001",
      ]);
      const failing = `${folder}/failing`;
      await assert.rejects(runJob(digitsPolicyJob, config, failing), (error: Error) => {
        assert.equal(error.name, "UserError");
        assert.match(error.message, /^The reward [^\n]*broken\.ts returned 1 numbers for 16 pictures[^\n]*$/);
        return true;
      });
      assert.equal((await readSafetensors(`${failing}/checkpoints/state.safetensors`)).metadata.step, "2");
    }),
);
