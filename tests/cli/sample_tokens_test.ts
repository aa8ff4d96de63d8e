import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { sampleCommand } from "../../src/cli/sample_command.ts";
import { gridColumns } from "../../src/cli/sample_request.ts";
import { readNpz } from "../../src/io/npz.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import { arpgMetadata } from "../../src/models/load_arpg.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { encodePng } from "../../src/report/png.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { smallWeights, torchFile } from "../jobs/published_files.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { decodePng } from "../report/decode_png.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

/** Status and notes of `deno task sample` with these arguments. */
async function sample(...args: string[]): Promise<{ status: number; notes: string[] }> {
  const notes: string[] = [];
  return { status: await commandStatus("sample", sampleCommand, args, (line) => notes.push(line)), notes };
}

/** Files of an untrained model of three classes that paints 8x8 pixels in 4x4 cells, and the flags that name them. */
async function modelFiles(folder: string, vocab = 12): Promise<string[]> {
  const device = await testDevice();
  const model = tinyArpg(device, { vocab });
  const [checkpoint, tokens] = [`${folder}/arpg.safetensors`, `${folder}/vq.safetensors`];
  await writeSafetensors(checkpoint, await toHost(device, model.parameters()), arpgMetadata(model.config));
  const tokenizer = new VqTokenizer(new Initializer(device, 1), tinyVqConfig);
  const metadata = { config: JSON.stringify(tinyVqConfig) };
  await writeSafetensors(tokens, await toHost(device, tokenizer.parameters()), metadata);
  return ["--checkpoint", checkpoint, "--tokenizer", tokens, "--classes", "0-2"];
}

await fileTest(
  "sample of tokens: pictures, classes, grid, GIF and steps; the same seed paints the same",
  () =>
    withTemporaryFolder(async (folder) => {
      const args = [...await modelFiles(folder), "--count", "7", "--steps", "3", "--seed", "5"];
      const out = (name: string) => `${folder}/${name}`;
      const files = ["--grid", out("a.png"), "--gif", out("a.gif"), "--steps-grid", out("steps.png")];
      assert.deepEqual(await sample(...args, "--npz", out("a.npz"), ...files), { status: 0, notes: [] });
      const arrays = await readNpz(out("a.npz"));
      assert.deepEqual(arrays.get("arr_0")!.shape, [7, 8, 8, 1]);
      assert.deepEqual([...arrays.get("labels")!.data].map(Number), [0, 1, 2, 0, 1, 2, 0]);
      assert.ok(decodePng(await Deno.readFile(out("a.png"))).width > 100);
      assert.equal(new TextDecoder().decode((await Deno.readFile(out("a.gif"))).subarray(0, 6)), "GIF89a");
      assert.ok((await Deno.stat(out("steps.png"))).size > 100);

      await sample(...args, "--npz", out("b.npz"));
      assert.deepEqual(await Deno.readFile(out("b.npz")), await Deno.readFile(out("a.npz")));
      await sample(...args, "--order", "raster", "--npz", out("b.npz"));
      assert.notDeepEqual(await Deno.readFile(out("b.npz")), await Deno.readFile(out("a.npz")));
    }),
);

/** A grey picture of 8x8 pixels as PNG. */
async function writePng(path: string, grey: (x: number, y: number) => number): Promise<string> {
  const pixels = Uint8Array.from({ length: 64 }, (_, i) => grey(i % 8, Math.floor(i / 8)));
  await Deno.writeFile(path, encodePng(pixels, 8, 8));
  return path;
}

await fileTest(
  "sample --inpaint: masked cells are painted anew, from the known ones",
  () =>
    withTemporaryFolder(async (folder) => {
      const image = await writePng(`${folder}/image.png`, (x, y) => 30 * x + y);
      const other = await writePng(`${folder}/other.png`, (x, y) => 255 - 30 * y - x);
      const mask = await writePng(`${folder}/mask.png`, (x) => x > 4 ? 255 : 0);
      const args = [...await modelFiles(folder), "--count", "3", "--steps", "2"];
      const steps = `${folder}/steps.png`, npz = `${folder}/a.npz`;
      const paint = (...more: string[]) => sample(...args, ...more, "--npz", npz, "--steps-grid", steps);
      assert.deepEqual(await paint("--inpaint", image, "--mask", mask), { status: 0, notes: [] });
      const first = (await readNpz(npz)).get("arr_0")!.data;
      await paint("--inpaint", other, "--mask", mask);
      assert.notDeepEqual((await readNpz(npz)).get("arr_0")!.data, first);

      const black = await writePng(`${folder}/black.png`, () => 127);
      assert.deepEqual(await paint("--inpaint", image, "--mask", black), {
        status: 2,
        notes: [`error: Cannot inpaint: the mask ${black} is black everywhere; make white what to paint anew`],
      });
      await Deno.writeFile(`${folder}/wide.png`, encodePng(new Uint8Array(72).fill(9), 9, 8));
      assert.deepEqual(await paint("--inpaint", `${folder}/wide.png`, "--mask", mask), {
        status: 2,
        notes: [
          "error: Cannot inpaint: the mask must have the size of the image, 9 x 8, got 8 x 8",
        ],
      });
    }),
);

await fileTest(
  "sample of tokens: published checkpoints, by their tensors alone, paint in colour",
  () =>
    withTemporaryFolder(async (folder) => {
      const { arpg, vq } = await smallWeights();
      const [checkpoint, tokenizer, npz] = [`${folder}/arpg.pt`, `${folder}/vq.pt`, `${folder}/a.npz`];
      await Deno.writeFile(checkpoint, torchFile(arpg, "model"));
      await Deno.writeFile(tokenizer, torchFile(vq, "state_dict"));
      const files = ["--checkpoint", checkpoint, "--tokenizer", tokenizer, "--npz", npz, "--grid", `${folder}/a.png`];
      const args = ["--classes", "0-999", "--count", "21", "--steps", "2", "--dtype", "float16"];
      assert.deepEqual(await sample(...files, ...args), { status: 0, notes: [] });
      const arrays = await readNpz(npz);
      assert.deepEqual(arrays.get("arr_0")!.shape, [21, 32, 32, 3]);
      assert.deepEqual([...arrays.get("labels")!.data].map(Number), [...Array(21).keys()]);
      const { width, height } = decodePng(await Deno.readFile(`${folder}/a.png`));
      assert.deepEqual([width, height], [20 * 68 + 4, 2 * 68 + 4], "twenty in a row, each twice as large");
    }),
);

Deno.test("gridColumns: rounds through the classes, or equal parts of one, near twenty or ten", () => {
  const columns = [1, 7, 10, 20, 30, 23, 1000].map((classes) => gridColumns(classes));
  assert.deepEqual(columns, [20, 14, 20, 20, 15, 20, 20]);
  assert.deepEqual([1, 7, 10, 16, 1000].map((classes) => gridColumns(classes, 256)), [10, 7, 10, 8, 10]);
});

await fileTest(
  "sample of tokens: files of other kinds are one line and status 2",
  () =>
    withTemporaryFolder(async (folder) => {
      const [, checkpoint, , tokenizer] = await modelFiles(folder);
      const npz = ["--npz", `${folder}/a.npz`];
      const hint = "deno task inspect lists what it has";
      assert.deepEqual(await sample("--checkpoint", tokenizer!, ...npz), {
        status: 2,
        notes: [`error: Cannot load an ARPG from ${tokenizer}: it holds a VQ tokenizer; ${hint}`],
      });
      await writeSafetensors(`${folder}/none.safetensors`, new Map());
      const { status, notes } = await sample("--checkpoint", `${folder}/none.safetensors`, ...npz);
      assert.equal(status, 2);
      assert.match(
        notes[0]!,
        /^error: Cannot load an ARPG from .*none\.safetensors: it has no tensor embeddings\.weight/,
      );
      assert.deepEqual(await sample("--checkpoint", checkpoint!, "--tokenizer", checkpoint!, ...npz), {
        status: 2,
        notes: [`error: Cannot load a VQ tokenizer from ${checkpoint}: it holds an ARPG; ${hint}`],
      });
      const other = await modelFiles(folder, 16);
      assert.deepEqual(await sample(...other, ...npz), {
        status: 2,
        notes: [
          `error: Cannot paint with ${checkpoint} and ${tokenizer}: the model has 16 tokens, the tokenizer 12; name the ` +
          "tokenizer that the model was trained with",
        ],
      });
    }),
);
