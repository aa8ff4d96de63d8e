import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { sampleCommand } from "../../src/cli/sample_command.ts";
import { readNpz } from "../../src/io/npz.ts";
import { openPainter } from "../../src/jobs/open_painter.ts";
import { loadPolicy } from "../../src/jobs/policy_file.ts";
import { encodePng } from "../../src/report/png.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { writeTinyPolicyRun } from "../jobs/tiny_policy_run.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

/** Status and notes of `deno task sample` with these arguments. */
async function sample(...args: string[]): Promise<{ status: number; notes: string[] }> {
  const notes: string[] = [];
  return { status: await commandStatus("sample", sampleCommand, args, (line) => notes.push(line)), notes };
}

const done = { status: 0, notes: [] };

/** A policy's run, and the arguments that paint the same without the run. */
async function files(folder: string) {
  const run = await writeTinyPolicyRun(folder);
  const policy = `${run.path}/checkpoints/policy.safetensors`;
  const model = ["--checkpoint", `${folder}/arpg.safetensors`, "--tokenizer", `${folder}/vq.safetensors`];
  return { run: run.path, policy, model };
}

async function pictures(path: string): Promise<unknown> {
  return (await readNpz(path)).get("arr_0")!.data;
}

await fileTest(
  "sample --run of a policy: what the painter paints by it, as grid, GIF and steps",
  () =>
    withTemporaryFolder(async (folder) => {
      const { run, policy, model } = await files(folder);
      const [a, b] = [`${folder}/a.npz`, `${folder}/b.npz`];
      const count = ["--count", "7", "--seed", "5"];
      const more = ["--grid", `${folder}/a.png`, "--gif", `${folder}/a.gif`, "--steps-grid", `${folder}/steps.png`];
      assert.deepEqual(await sample("--run", run, ...count, "--steps", "2", "--npz", a, ...more), done);
      for (const name of ["a.png", "a.gif", "steps.png"]) assert.ok((await Deno.stat(`${folder}/${name}`)).size > 100);

      const device = await testDevice();
      using painter = await openPainter(device, model[1]!, model[3]!);
      const { images } = await painter.paint([0, 1, 2, 3, 4, 5, 6], {
        policy: await loadPolicy(device, policy),
        ...{ steps: 2, mode: "sampled", guidance: { scale: 1.5, form: "constant" }, temperature: 1, seed: 5 },
      });
      assert.deepEqual(await pictures(a), images);

      assert.deepEqual(await sample("--policy", policy, ...model, ...count, "--steps", "2", "--npz", b), done);
      assert.deepEqual(await Deno.readFile(b), await Deno.readFile(a));
      for (const change of [["--steps", "4"], ["--greedy", "--steps", "2"], ["--speed", "3", "--steps", "4"]]) {
        assert.deepEqual(await sample("--run", run, ...count, ...change, "--npz", b), done);
        assert.notDeepEqual(await pictures(b), await pictures(a), change.join(" "));
      }
      await sample("--run", run, ...count, "--npz", a);
      await sample("--run", run, ...count, "--steps", "4", "--npz", b);
      assert.deepEqual(await pictures(a), await pictures(b), "without --steps the most of its targets");
    }),
);

await fileTest("sample --policy --inpaint: paints around what is known", () =>
  withTemporaryFolder(async (folder) => {
    const { run } = await files(folder);
    const picture = async (name: string, grey: (x: number) => number) => {
      const path = `${folder}/${name}.png`;
      await Deno.writeFile(path, encodePng(Uint8Array.from({ length: 64 }, (_, i) => grey(i % 8)), 8, 8));
      return path;
    };
    const image = await picture("image", (x) => 30 * x), mask = await picture("mask", (x) => x > 4 ? 255 : 0);
    const npz = `${folder}/a.npz`;
    assert.deepEqual(
      await sample("--run", run, "--inpaint", image, "--mask", mask, "--count", "3", "--npz", npz),
      done,
    );
    assert.deepEqual((await readNpz(npz)).get("arr_0")!.shape, [3, 8, 8, 1]);
  }));

await fileTest(
  "sample by a policy: options that do not go together are one line and status 2",
  () =>
    withTemporaryFolder(async (folder) => {
      const { run, policy, model } = await files(folder);
      const npz = ["--npz", `${folder}/a.npz`];
      const refused = async (args: readonly string[], note: string) =>
        assert.deepEqual(await sample(...args, ...npz), { status: 2, notes: [`error: ${note}`] });
      const decides = "with a policy: it decides itself how many cells, and where";
      await refused(["--run", run, "--order", "raster"], `Cannot use --order ${decides}`);
      await refused(["--policy", policy, "--schedule", "cosine"], `Cannot use --schedule ${decides}`);
      await refused(
        ["--run", run, "--policy", policy],
        `Cannot paint by two policies: ${run} holds one; leave --policy or --run out`,
      );
      const needed = "without a policy: add --policy FILE, or --run of a digits_policy run";
      await refused([...model, "--greedy"], `Cannot use --greedy ${needed}`);
      await refused([...model, "--speed", "2"], `Cannot use --speed ${needed}`);
      await refused(["--run", run, "--speed", "0"], "Cannot take --speed 0: wanted a number from 0.01 to 100");
      await refused(
        ["--run", run, "--steps", "3"],
        "Cannot paint in 3 steps: the policy knows 2, 4; ask for one of them",
      );
      await refused(
        ["--policy", policy],
        "Cannot paint by this policy: it is for 16 cells and 10 classes, the model has 49 and 10; name the model that the " +
          "policy was trained for",
      );
      await refused(
        ["--policy", model[1]!, ...model],
        `Cannot load a decoding policy from ${
          model[1]
        }: its metadata has no config of one; name a file that the training ` +
          "of a policy wrote",
      );
      await Deno.writeTextFile(`${run}/config.yaml`, "job: digits_judges\n");
      await refused(["--run", run], `Cannot sample from ${run}: a run of digits_judges holds no generator`);
    }),
);
