import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { sampleCommand } from "../../src/cli/sample_command.ts";
import { canonicalConfig } from "../../src/config/canonical.ts";
import { paintDigits } from "../../src/eval/paint_digits.ts";
import { readNpz } from "../../src/io/npz.ts";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { makeGenerator, saveModel } from "../../src/jobs/digits_models.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { tinyConfig } from "../jobs/tiny_run.ts";
import { decodePng } from "../report/decode_png.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

/** Status and notes of `deno task sample` with these arguments. */
async function sample(...args: string[]): Promise<{ status: number; notes: string[] }> {
  const notes: string[] = [];
  return { status: await commandStatus("sample", sampleCommand, args, (line) => notes.push(line)), notes };
}

/** A run with an untrained model, and that model. */
async function makeRun(folder: string) {
  const config = await tinyConfig(folder);
  const run = await RunDirectory.create(`${folder}/run`);
  await run.writeText("config.yaml", canonicalConfig(config));
  const device = await testDevice();
  const model = makeGenerator(device, config);
  await saveModel(run, "model", device, model);
  return { run: run.path, device, model };
}

await fileTest(
  "sample: writes pictures, their classes and a grid; the same seed paints the same",
  () =>
    withTemporaryFolder(async (folder) => {
      const { run, device, model } = await makeRun(folder);
      const [a, b, grid] = [`${folder}/a.npz`, `${folder}/b.npz`, `${folder}/grid.png`];
      const args = ["--run", run, "--classes", "0-2,7", "--count", "30", "--seed", "5"];
      assert.deepEqual(await sample(...args, "--npz", a, "--grid", grid), { status: 0, notes: [] });
      const arrays = await readNpz(a);
      assert.deepEqual([...arrays.keys()], ["arr_0", "labels"]);
      const { shape, data } = arrays.get("arr_0")!;
      assert.deepEqual(shape, [30, 8, 8, 1]);
      const labels = Uint8Array.from({ length: 30 }, (_, i) => [0, 1, 2, 7][i % 4]!);
      assert.deepEqual(arrays.get("labels")!.data, BigInt64Array.from([...labels], BigInt));
      const { images } = await paintDigits(device, model, labels, { seed: 5, temperature: 1 });
      assert.deepEqual(data, images, "the device's and the command's pictures");

      // Twenty pictures a row, eight times enlarged, four pixels apart.
      const png = decodePng(await Deno.readFile(grid));
      assert.deepEqual([png.width, png.height], [20 * 68 + 4, 2 * 68 + 4]);

      await sample(...args, "--npz", b);
      assert.deepEqual(await Deno.readFile(b), await Deno.readFile(a));
      await sample(...args.slice(0, -1), "6", "--npz", b);
      assert.notDeepEqual(await Deno.readFile(b), await Deno.readFile(a));
    }),
);

const help = "deno task sample --help lists the options";
const paint = ["--run", "/nowhere", "--npz", "/nowhere/a.npz"];
const misuses: [what: string, args: string[], line: string][] = [
  ["no output", ["--run", "a"], "Nothing to write: name a file with --npz, --grid, --gif or --steps-grid"],
  ["two models", [...paint, "--checkpoint", "a"], "Cannot sample from two models: give --run or --checkpoint"],
  [
    "an image without a mask",
    [...paint, "--inpaint", "a.png"],
    "Cannot inpaint: --inpaint IMAGE and --mask IMAGE go together",
  ],
  ["no pictures", [...paint, "--count", "0"], "Cannot take --count 0: wanted a whole number from 1 to 1000000"],
  ["half a picture", [...paint, "--count", "1.5"], "Cannot take --count 1.5: wanted a whole number from 1 to 1000000"],
  ["a negative seed", [...paint, "--seed=-1"], "Cannot take --seed -1: wanted a whole number from 0 to 4294967295"],
  [
    "a negative temperature",
    [...paint, "--temperature=-1"],
    "Cannot take --temperature -1: wanted a number from 0 to 1000",
  ],
  ["a nucleus of nothing", [...paint, "--top-p", "0"], "Cannot take --top-p 0: wanted a number from 0.000001 to 1"],
  [
    "a guidance that is no number",
    [...paint, "--guidance", ""],
    "Cannot take --guidance : wanted a number from 0 to 1000",
  ],
  [
    "an unknown model",
    [...paint, "--model", "modle"],
    "option '--model <name>' argument 'modle' is invalid. " +
    `Allowed choices are model, pretrained, from_scratch; ${help}`,
  ],
  [
    "an unknown order",
    [...paint, "--order", "zigzag"],
    "option '--order <name>' argument 'zigzag' is invalid. " +
    `Allowed choices are random, random_shared, raster, spread, halton, centre, rim; ${help}`,
  ],
  [
    "a folder without a run",
    paint,
    "Cannot open the run /nowhere: it has no config.yaml; name a folder that train wrote",
  ],
];
for (const [what, args, line] of misuses) {
  await fileTest(`sample: ${what} is one line and status 2`, async () => {
    assert.deepEqual(await sample(...args), { status: 2, notes: [`error: ${line}`] });
  });
}

await fileTest(
  "sample: a model that the run does not have, a folder that is not there",
  () =>
    withTemporaryFolder(async (folder) => {
      const { run } = await makeRun(folder);
      const missing = `${run}/checkpoints/pretrained.safetensors`;
      assert.deepEqual(await sample("--run", run, "--model", "pretrained", "--npz", `${folder}/a.npz`), {
        status: 2,
        notes: [`error: Cannot read ${missing}: there is no such file`],
      });
      const file = `${folder}/none/a.npz`;
      assert.deepEqual(await sample("--run", run, "--count", "1", "--npz", file), {
        status: 2,
        notes: [`error: Cannot write ${file}: its folder does not exist; create it first`],
      });
    }),
);

await fileTest(
  "sample: classes that are none, and options that a model of pixels does not have",
  () =>
    withTemporaryFolder(async (folder) => {
      const { run } = await makeRun(folder);
      const args = ["--run", run, "--npz", `${folder}/a.npz`];
      for (const [list, part] of [["0-4,x", "x"], ["4-0", "4-0"], ["3,10", "10"]]) {
        const wanted = "wanted classes from 0 to 9 and ranges such as 0-4,7";
        assert.deepEqual(await sample(...args, "--classes", list!), {
          status: 2,
          notes: [`error: Cannot read --classes ${list}: ${wanted}, got "${part}"`],
        });
      }
      assert.deepEqual(await sample(...args, "--steps-grid", `${folder}/a.png`), {
        status: 2,
        notes: [`error: Cannot use --steps-grid with ${run}: its model paints pixel by pixel in raster order`],
      });
    }),
);
