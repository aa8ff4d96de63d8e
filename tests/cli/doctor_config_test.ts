import assert from "node:assert/strict";
import { examineConfig, type MachineRoom } from "../../src/cli/doctor_config.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { tinyClipConfig } from "../rewards/tiny_clip.ts";
import { fileTest } from "../support/file_test.ts";

const root = new URL("../../", import.meta.url).pathname;
const gib = 2 ** 30;
/** The limits that a present GPU grants. */
const gpu: MachineRoom = {
  limits: { maxBufferSize: 4 * gib, maxStorageBufferBindingSize: 2 * gib, maxTextureDimension2D: 16384 },
  availableBytes: null,
};
const llvmpipe: MachineRoom = {
  limits: { maxBufferSize: 2 * gib, maxStorageBufferBindingSize: gib / 8, maxTextureDimension2D: 8192 },
  availableBytes: 8 * gib,
};

/** A config of the repository with every file random, and other changes. */
async function written(folder: string, name: string, changes: readonly (readonly [string, string])[] = []) {
  const text = await Deno.readTextFile(`${root}configs/${name}.yaml`);
  const random = text.replaceAll(/(weights|folder|held_out_clip): weights\/\S+/g, "$1: random")
    .replace(/names: weights\/\S+/, "names: null");
  const path = `${folder}/${name}.yaml`;
  await Deno.writeTextFile(path, changes.reduce((all, [from, to]) => all.replace(from, to), random));
  return path;
}

await fileTest(
  "doctor --config: the ImageNet configs fit a GPU, and the doctor names what is missing",
  () =>
    withTemporaryFolder(async (folder) => {
      for (const name of ["imagenet_policy", "imagenet_ar_grpo"]) {
        const { lines, problems } = await examineConfig(await written(folder, name), gpu);
        assert.deepEqual(problems, [], name);
        assert.match(lines.join("\n"), /^memory {5}about \d+\.\d GiB in all, the budget is \d+ GiB$/m);
        assert.match(lines.join("\n"), /^largest {4}guided logits of all rollouts, 1\.3 GiB$/m);
      }
      const { lines, problems } = await examineConfig(`${root}configs/imagenet_policy.yaml`, gpu);
      assert.ok(lines.includes(
        "missing    weights/arpg_300m.pt is not there: fetch arpg_300m.pt (1.3 GB) of hp-l33/ARPG, or set model.weights",
      ));
      assert.deepEqual(problems, ["5 of 5 files are missing"]);
    }),
);

await fileTest(
  "doctor --config: says what to lower where a run does not fit",
  () =>
    withTemporaryFolder(async (folder) => {
      const small = await examineConfig(
        await written(folder, "imagenet_policy", [["memory_gib: 40", "memory_gib: 2"]]),
        llvmpipe,
      );
      assert.match(
        small.problems[0]!,
        /^memory_gib is 2, about \d+\.\d GiB are needed: raise it, or lower training\.batch_size$/,
      );
      assert.match(
        small.problems[1]!,
        /^about \d+\.\d GiB are needed and 8\.0 GiB are available: lower training\.batch_size$/,
      );
      assert.deepEqual(small.problems.slice(2), [
        "guided logits of all rollouts take 1.3 GiB, the adapter binds 128 MiB at once: set training.batch_size times " +
        "group_size to 4 or less",
        "a step of all rollouts has 20480 rows, more than a kernel takes: set training.batch_size times group_size to 23 or less",
      ]);
      const long = await written(folder, "imagenet_policy", [["[8, 16, 32]", "[8, 16, 64]"]]);
      const [many] = (await examineConfig(long, gpu)).problems;
      assert.match(
        many!,
        /^a painting of so many steps takes about \d+ kernels, a recording holds 16000: lower the largest of training/,
      );
    }),
);

await fileTest(
  "doctor --config: CLIPs by their folders, one of two rewards once, and their kernels",
  () =>
    withTemporaryFolder(async (folder) => {
      const file = await written(folder, "imagenet_policy"), clip = `${folder}/clip`;
      const clips = async (...overrides: string[]) => {
        const { lines, problems } = await examineConfig(file, gpu, overrides);
        return { rows: lines.filter((line) => line.startsWith("memory     CLIP")), problems };
      };
      const random = await clips("held_out_clip=null");
      assert.deepEqual(random.rows, ["memory     CLIP random 424 MiB"]);
      await Deno.mkdir(clip);
      await Deno.writeTextFile(`${clip}/config.json`, JSON.stringify(tinyClipConfig));
      await Deno.writeTextFile(`${folder}/head.pth`, "");
      const shared = [
        ...[`reward.clip.folder=${clip}`, `reward.aesthetic={weight: 1, folder: ${clip}, file: ${folder}/head.pth}`],
        "held_out_clip=none",
      ];
      const { rows } = await clips(...shared);
      assert.deepEqual(rows, [`memory     CLIP ${clip} 0 MiB`, "memory     CLIP none 315 MiB"]);
      const { problems } = await clips("clip_sizes={vision_config: {num_hidden_layers: 1000}}", "held_out_clip=null");
      assert.equal(
        problems.at(-1),
        "the CLIPs of the rewards take about 28032 kernels, a recording holds 16000: take CLIPs of fewer layers",
      );
    }),
);

await fileTest("doctor --config: other jobs' configs are read and not estimated", async () => {
  const file = `${root}configs/digits_policy.yaml`;
  assert.deepEqual(await examineConfig(file, llvmpipe), {
    lines: [
      `config     ${file}, job digits_policy`,
      "memory     the budget is 8 GiB; only ImageNet's jobs are estimated",
    ],
    problems: [],
  });
});
