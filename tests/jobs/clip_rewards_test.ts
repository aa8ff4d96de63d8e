import assert from "node:assert/strict";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { openClipRewards } from "../../src/jobs/clip_rewards.ts";
import { digitsPolicyJob } from "../../src/jobs/digits_policy.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { writeTinyClip } from "../rewards/tiny_clip.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { outcome, runJob } from "./run_job.ts";
import { tinyPolicyConfig } from "./tiny_policy_config.ts";

/** Writes a tiny CLIP and an aesthetic head for it to `folder`. */
async function writeClip(folder: string): Promise<{ clip: string; head: string }> {
  const paths = { clip: `${folder}/clip`, head: `${folder}/head.safetensors` };
  await Deno.mkdir(paths.clip);
  await writeTinyClip(await testDevice(), paths.clip);
  const weight = { shape: [1, 6], data: Float32Array.of(1, -2, 3, -1, 2, -3) };
  const bias = { shape: [1], data: Float32Array.of(5) };
  await writeSafetensors(paths.head, new Map([["layers.0.weight", weight], ["layers.0.bias", bias]]));
  return paths;
}

await fileTest(
  "digits_policy: a policy learns by a CLIP's prompts and an aesthetic head, and resumes alike",
  () =>
    withTemporaryFolder(async (folder) => {
      const { clip, head } = await writeClip(folder);
      const config = await tinyPolicyConfig(folder, [
        "training.num_epochs=1",
        "training.minibatches=1",
        "reward.realism=null",
        "reward.classifier=null",
        `reward.clip={weight: 1, form: softmax, folder: ${clip}}`,
        `reward.aesthetic={weight: 0.5, folder: ${clip}, file: ${head}}`,
      ]);
      const whole = `${folder}/whole`, stopped = `${folder}/stopped`;
      await runJob(digitsPolicyJob, config, whole);
      const records = await readMetrics(`${whole}/metrics.jsonl`);
      for (const record of records.slice(1)) {
        const [seen, liked, total] = [record.reward_clip, record.reward_aesthetic, record.reward].map(Number);
        assert.ok(seen! > 0 && seen! < 1 && liked! > 0 && liked! < 1, `${seen} ${liked}`);
        assertAllClose([total!], [seen! + 0.5 * liked!], 1e-5);
      }
      assert.equal(await runJob(digitsPolicyJob, config, stopped, { patience: 1 }), null);
      await runJob(digitsPolicyJob, config, stopped, { resume: true });
      assert.deepEqual(await outcome(stopped), await outcome(whole));
    }),
);

await fileTest(
  "openClipRewards: names of a file say the same as the classes' own; what is missing is named",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      using _scope = device.scope();
      const { clip: path, head } = await writeClip(folder);
      const names = `${folder}/names.txt`;
      await Deno.writeTextFile(names, "cat\nbig dog\n");
      const clip = { weight: 2, form: "cosine" as const, folder: path, templates: ["a photo of a {name}"] };
      const open = (config: Parameters<typeof openClipRewards>[1], classNames: string[]) =>
        openClipRewards(device, config, { height: 8, width: 8, classNames });
      const painted = {
        images: device.tensor(Float32Array.from({ length: 128 }, (_, i) => i / 128), [2, 1, 8, 8]),
        classes: device.tensor(Int32Array.of(1, 0)),
      };
      const score = async (...given: Parameters<typeof open>) => {
        const [found] = await open(...given);
        assert.equal(found!.weight, 2);
        return await found!.reward.score(painted).data();
      };
      const own = await score({ clip }, ["cat", "big dog"]);
      assert.notDeepEqual(await score({ clip }, ["big dog", "cat"]), own);
      assert.deepEqual(await score({ clip: { ...clip, names } }, ["0", "1"]), own);
      assert.deepEqual(await open({ clip: null }, ["0"]), []);

      const aesthetic = { weight: 1, folder: path, file: head };
      const both = await open({ clip, aesthetic }, ["cat", "dog"]);
      assert.deepEqual(both.map(({ reward }) => reward.name), ["clip", "aesthetic"]);
      await assertUserError(
        () => open({ clip: { ...clip, names } }, ["0", "1", "2"]),
        `Cannot read ${names}: it has 2 lines; wanted 3 class names, one a line`,
      );
      await assertUserError(
        () => open({ aesthetic: { ...aesthetic, folder: `${folder}/none` } }, []),
        `Cannot load a CLIP from ${folder}/none: there is no such folder`,
      );
      await assertUserError(
        () => open({ aesthetic: { ...aesthetic, file: `${folder}/none.pth` } }, []),
        `Cannot read ${folder}/none.pth: there is no such file`,
      );
    }),
);
