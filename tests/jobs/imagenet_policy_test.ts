import assert from "node:assert/strict";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { readNpz } from "../../src/io/npz.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { imagenetArGrpoJob } from "../../src/jobs/imagenet_ar_grpo.ts";
import { imagenetPolicyJob } from "../../src/jobs/imagenet_policy.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { fileTest } from "../support/file_test.ts";
import { runJob } from "./run_job.ts";
import { learnt, tinyImagenetArGrpo, tinyImagenetPolicy } from "./tiny_imagenet.ts";

await fileTest(
  "imagenet_policy: a dry run leaves what it names, and one stopped ends alike",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = tinyImagenetPolicy(["training.inner_epochs=1", "comparison.samples=11"]);
      const whole = `${folder}/whole`;
      const summary = await runJob(imagenetPolicyJob, config, whole);
      assert.match(summary!, /^policy, 2 steps +2\.0 /m);
      assert.match(summary!, /^Seconds of an update: rollout \d+\.\d, reward \d+\.\d, update \d+\.\d$/m);
      assert.match(summary!, /^Memory: device at most \d\.\d+ of 2 GiB, process \d+\.\d+ GiB$/m);
      const records = await readMetrics(`${whole}/metrics.jsonl`);
      assert.deepEqual(records.map(({ step }) => step), [0, 1, 2]);
      const [before, first] = records;
      for (const name of ["seen_clip", "seen_quality", "held_out_clip"]) {
        assert.equal(typeof before![name], "number", name);
      }
      for (
        const name of ["reward_clip", "hand_reward_quality", "memory_peak_gib", "process_peak_gib", "seconds_rollout"]
      ) {
        assert.ok(Number(first![name]) > 0, name);
      }
      assert.ok(Number(first!.first_log_ratio_max) < 1e-4, `${first!.first_log_ratio_max}`);
      const { comparison } = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      assert.deepEqual(
        comparison.map((each: Record<string, unknown>) => [each.name, each.target_steps, "above_arpg" in each]),
        [["policy", 2, true], ["arpg", 2, false], ["policy", 4, true], ["arpg", 4, false]],
      );
      const { value, low, high } = comparison[0].scores.held_out_clip;
      assert.ok(low <= value && value <= high && value > 0 && value < 1, `${low} ${value} ${high}`);
      for (const name of ["updates_0001.png", "comparison.png", "policy.gif", "arpg.gif"]) {
        assert.ok((await Deno.stat(`${whole}/samples/${name}`)).size > 100, name);
      }
      const pictures = await readNpz(`${whole}/samples/policy_4.npz`);
      assert.deepEqual(pictures.get("arr_0")!.shape, [11, 8, 8, 3]);
      const labels = [...pictures.get("labels")!.data].map(Number);
      assert.deepEqual(labels.slice(0, 10).toSorted(), [...Array(10).keys()], "all classes, in a random order");

      const stopped = `${folder}/stopped`;
      assert.equal(await runJob(imagenetPolicyJob, config, stopped, { patience: 0 }), null);
      await runJob(imagenetPolicyJob, config, stopped, { resume: true });
      assert.deepEqual(await learnt(stopped), await learnt(whole));
    }),
);

await fileTest(
  "imagenet_ar_grpo: the generator moves, and is compared with the published one; modules are told the classes' names",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/run`, names = `${folder}/names.txt`, module = `${folder}/named.ts`;
      await Deno.writeTextFile(names, Array.from({ length: 10 }, (_, label) => `kind ${label}\n`).join(""));
      await Deno.writeTextFile(
        module,
        "export function reward({ classes, classNames }) {\n" +
          '  return [...classes].map((label) => classNames[label] === "kind " + label ? 1 : 0);\n}\n',
      );
      const config = tinyImagenetArGrpo([
        ...["generator.learning_rate=0.005", "classes=[3, 7]", `reward.clip.names=${names}`],
        `reward.module={path: ${module}, weight: 1}`,
      ]);
      await runJob(imagenetArGrpoJob, config, path);
      const records = await readMetrics(`${path}/metrics.jsonl`);
      assert.equal(records[1]!.reward_named, 1, Object.keys(records[1]!).join(" "));
      assert.ok(
        Number(records[1]!.generator_first_log_ratio_max) < 1e-2,
        `${records[1]!.generator_first_log_ratio_max}`,
      );
      assert.ok(Number(records[2]!.generator_kl) > 0);
      const { tensors } = await readSafetensors(`${path}/checkpoints/arpg.safetensors`);
      assert.ok(tensors.has("head.weight"));
      const { comparison: [trained, published] } = JSON.parse(await Deno.readTextFile(`${path}/eval.json`));
      assert.notDeepEqual(trained.scores, published.scores);
      const labels = (await readNpz(`${path}/samples/arpg_2.npz`)).get("labels")!.data;
      assert.deepEqual([...labels].slice(0, 4).map(Number), [3, 7, 3, 7]);
    }),
);

await fileTest("imagenet_policy: refuses what it cannot do in one line", () =>
  withTemporaryFolder(async (folder) => {
    const refused = (changes: readonly string[], message: string) =>
      assertUserError(
        () => runJob(imagenetPolicyJob, tinyImagenetPolicy(changes), `${folder}/${changes.length}`),
        message,
      );
    await refused(
      ["reward.realism={weight: 1, form: moments}"],
      "Cannot reward ImageNet pictures by classifier, realism or calibrated quality: they go by real digits; use clip, " +
        "aesthetic, fidelity, module or quality: {form: classic}",
    );
    await refused(
      ["tokenizer.sizes.codebook_size=13", "seed=2"],
      "Cannot paint: model.sizes has 12 tokens, tokenizer.sizes 13 codes; they must be equal",
    );
    await assertUserError(
      () => imagenetPolicyJob.check!(tinyImagenetPolicy([`model.weights=${folder}/none.pt`, "held_out_clip=none"])),
      `Cannot train: ${folder}/none.pt is not there: fetch an ARPG of these sizes, or set model.weights; none is not there: ` +
        "fetch a folder with config.json, tokenizer.json and model.safetensors or pytorch_model.bin of another CLIP, such as " +
        "openai/clip-vit-base-patch16 (0.6 GB), or set held_out_clip",
    );
    const aesthetic = ["reward.aesthetic={weight: 1, folder: random, file: random}"];
    await assertUserError(
      () => imagenetPolicyJob.check!(tinyImagenetPolicy(aesthetic)),
      "Cannot train: random is not there: fetch a folder with config.json, tokenizer.json and model.safetensors or " +
        "pytorch_model.bin of openai/clip-vit-large-patch14 (1.7 GB), or set reward.aesthetic.folder; random is not " +
        "there: fetch an aesthetic head such as sac+logos+ava1-l14-linearMSE.pth of " +
        "christophschuhmann/improved-aesthetic-predictor, on GitHub, or set reward.aesthetic.file",
    );
  }));
