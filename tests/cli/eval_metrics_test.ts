import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { evalCommand } from "../../src/cli/eval_command.ts";
import { frechetStatistics } from "../../src/eval/frechet.ts";
import { writeNpz } from "../../src/io/npz.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { inceptionShapes } from "../../src/models/inception_layout.ts";
import { encodePng } from "../../src/report/png.ts";
import { randomInceptionWeights } from "../models/inception_reference.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import * as torch from "../io/torch_archive.ts";
import { fileTest } from "../support/file_test.ts";
import { seededRandom } from "../support/random.ts";

/** What `deno task eval` with these arguments prints and notes, the folder cut out. */
async function evaluate(folder: string, ...args: string[]) {
  const lines: string[] = [], notes: string[] = [];
  const clean = (text: string) => text.replaceAll(`${folder}/`, "");
  const build = (program: Parameters<typeof evalCommand>[0]) =>
    evalCommand(program, (text) => lines.push(...clean(text).split("\n")));
  const status = await commandStatus("eval", build, args, (line) => notes.push(clean(line)));
  return { status, lines, notes };
}

/** Metrics of the first set in a file that `--json` wrote. */
async function metricsIn(path: string): Promise<Record<string, number>> {
  return JSON.parse(await Deno.readTextFile(path)).sets[0].values;
}

/** A state dict as torch.save writes it, with a counter as batch norms keep one. */
async function writeCheckpoint(path: string, weights: ReadonlyMap<string, HostTensor<Float32Array>>) {
  const entries: Record<string, torch.Pickled> = {}, storages: Record<string, ArrayBufferView<ArrayBuffer>> = {};
  for (const [name, { shape, data }] of weights) {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    entries[name] = torch.tensor(torch.storage("FloatStorage", name, data.length), 0, [...shape], strides);
    storages[name] = data as Float32Array<ArrayBuffer>;
  }
  const counter = "Conv2d_1a_3x3.bn.num_batches_tracked";
  entries[counter] = torch.tensor(torch.storage("LongStorage", counter, 1), 0, [], []);
  storages[counter] = new BigInt64Array(1);
  await Deno.writeFile(path, torch.torchArchive(torch.dict(entries), storages));
}

/** Grey noise `[count, size, size]`, the brighter the larger `light`. */
function noise(count: number, size: number, seed: number, light: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: count * size * size }, () => Math.min(255, random() * random() * light));
}

const writePictures = (path: string, data: Uint8Array, shape: number[]) =>
  writeNpz(path, { arr_0: { dtype: "uint8", shape, data } });

async function writeFeatures(path: string, data: Float32Array, dimensions: number, name = "arr_0") {
  await writeNpz(path, { [name]: { dtype: "float32", shape: [data.length / dimensions, dimensions], data } });
}

await fileTest(
  "eval --metrics: features of the reference case give its numbers, from statistics too",
  () =>
    withTemporaryFolder(async (folder) => {
      const fixture = new URL("../fixtures/metrics/", import.meta.url).pathname;
      const { tensors } = await readSafetensors(`${fixture}inputs.safetensors`);
      const expected = (await readSafetensors(`${fixture}outputs.safetensors`)).tensors;
      const { tolerance } = JSON.parse(await Deno.readTextFile(`${fixture}case.json`));
      const [real, fake] = ["features_real", "features_fake"].map((name) => tensors.get(name)!);
      const d = real!.shape[1]!, vectors = real!.data as Float32Array<ArrayBuffer>;
      await writeFeatures(`${folder}/real.npz`, vectors, d);
      await writeFeatures(`${folder}/fake.npz`, fake!.data as Float32Array, d, "features");
      const args = ["--reference", `${folder}/real.npz`, `${folder}/fake.npz`, "--json", `${folder}/m.json`];
      const { status, lines, notes } = await evaluate(folder, "--metrics", "fid,kid,prdc", ...args);
      assert.deepEqual([status, notes], [0, []]);
      const found = await metricsIn(`${folder}/m.json`);
      const wanted = { fid: "frechet_distance", kid: "kid", precision: "precision", recall: "recall" };
      for (const [name, output] of Object.entries(wanted)) {
        const value = expected.get(output)!.data[0]!;
        const error = Math.abs(found[name]! - value);
        assert.ok(error <= tolerance * Math.max(1, Math.abs(value)), `${name}: ${found[name]} for ${value}`);
      }
      assert.deepEqual(lines.map((line) => line.split(/ {2,}/)[0]), [
        ...["metric", "count", "Frechet distance", "kernel distance", "precision", "recall", "density", "coverage"],
        ...[`Reference: real.npz, count ${vectors.length / d}`, "Features: as the files hold them"],
      ]);

      const { mean, covariance } = frechetStatistics(vectors, d);
      await writeNpz(`${folder}/statistics.npz`, {
        mu: { dtype: "float32", shape: [d], data: Float32Array.from(mean) },
        sigma: { dtype: "float32", shape: [d, d], data: Float32Array.from(covariance) },
      });
      const again = ["--reference", `${folder}/statistics.npz`, `${folder}/fake.npz`, "--json", `${folder}/s.json`];
      assert.equal((await evaluate(folder, "--metrics", "fid", ...again)).status, 0);
      const { fid } = await metricsIn(`${folder}/s.json`);
      assert.ok(Math.abs(fid! - found.fid!) < 1e-4 * found.fid!);
    }),
);

await fileTest(
  "eval --metrics: a folder of PNG files and an .npz of the same pictures give the same, by the judge",
  () =>
    withTemporaryFolder(async (folder) => {
      const size = 28, area = size * size, samples = noise(9, size, 1, 300);
      await writePictures(`${folder}/real.npz`, noise(300, size, 2, 250), [300, size, size]);
      await writePictures(`${folder}/a.npz`, samples, [9, size, size, 1]);
      await Deno.mkdir(`${folder}/b/inner`, { recursive: true });
      for (let n = 0; n < 9; n++) {
        const png = encodePng(samples.subarray(n * area, (n + 1) * area), size, size);
        await Deno.writeFile(`${folder}/b/${n < 4 ? "" : "inner/"}${n}.png`, png);
      }
      const args = ["--metrics", "fid,is,kid,prdc", "--reference", `${folder}/real.npz`, "--json", `${folder}/m.json`];
      const { status, lines, notes } = await evaluate(folder, ...args, `${folder}/a.npz`, `${folder}/b`);
      assert.deepEqual([status, notes, lines.length], [0, [], 11]);
      assert.equal(
        lines.at(-1),
        "Features: the digits judge assets/digits_judge_b.safetensors, not Inception: compare with no published number",
      );
      assert.match(lines[0]!, /^metric +a\.npz +b$/);
      const { sets: [a, b] } = JSON.parse(await Deno.readTextFile(`${folder}/m.json`));
      assert.deepEqual([a.count, b.count], [9, 9]);
      for (const [name, value] of Object.entries<number>(a.values)) {
        assert.ok(Math.abs(b.values[name] - value) <= 1e-6 * Math.max(1, Math.abs(value)), name);
      }
      assert.ok(a.values.fid > 0 && a.values.inception_score >= 1);
    }),
);

await fileTest(
  "eval --metrics --inception: pictures go through the weights of a file",
  () =>
    withTemporaryFolder(async (folder) => {
      const weights = `${folder}/inception.pth`;
      await writeCheckpoint(weights, randomInceptionWeights(inceptionShapes()));
      await writePictures(`${folder}/real.npz`, noise(2, 9, 1, 300), [2, 9, 9]);
      await writePictures(`${folder}/fake.npz`, noise(6, 6, 2, 300), [2, 6, 6, 3]);
      const args = ["--metrics", "fid,is", "--inception", weights, "--reference", `${folder}/real.npz`];
      const { status, lines, notes } = await evaluate(folder, ...args, `${folder}/fake.npz`);
      assert.deepEqual([status, notes], [0, []]);
      assert.match(lines[2]!, /^FID +\d/);
      assert.match(lines[3]!, /^Inception score +[1-9]/);
      assert.equal(lines.at(-1), "Features: Inception-v3 of inception.pth");
    }),
);

await fileTest("eval --metrics: what does not fit is one line", () =>
  withTemporaryFolder(async (folder) => {
    await writePictures(`${folder}/digits.npz`, noise(7, 28, 1, 300), [7, 28, 28]);
    await writePictures(`${folder}/small.npz`, noise(7, 8, 1, 300), [7, 8, 8]);
    await writePictures(`${folder}/one.npz`, noise(1, 28, 1, 300), [1, 28, 28]);
    await writePictures(`${folder}/coloured.npz`, noise(21, 28, 1, 300), [7, 28, 28, 3]);
    await writePictures(`${folder}/flat.npz`, noise(1, 28, 1, 300), [28, 28]);
    await writeFeatures(`${folder}/features.npz`, new Float32Array(20), 2);
    await writeFeatures(`${folder}/nan.npz`, Float32Array.of(1, NaN), 1);
    const [mu, sigma] = [[2], [2, 2]].map((shape) => {
      return { dtype: "float32", shape, data: new Float32Array(shape.length * 2) } as const;
    });
    await writeNpz(`${folder}/statistics.npz`, { mu: mu!, sigma: sigma! });
    const wide = { dtype: "float32", shape: [9, 3], data: new Float32Array(27) } as const;
    await writeNpz(`${folder}/both.npz`, { mu: mu!, sigma: sigma!, features: wide });
    await writeNpz(`${folder}/half.npz`, { mu: mu! });
    await writeNpz(`${folder}/other.npz`, { labels: mu! });
    await writeNpz(`${folder}/no_mu.npz`, {
      mu: { dtype: "float32", shape: [0], data: new Float32Array() },
      sigma: { dtype: "float32", shape: [0, 0], data: new Float32Array() },
    });
    await writeNpz(`${folder}/thin.npz`, { arr_0: { dtype: "float32", shape: [9, 0], data: new Float32Array() } });
    await writePictures(`${folder}/sizeless.npz`, new Uint8Array(), [9, 0, 0, 3]);
    await writeFeatures(`${folder}/single.npz`, new Float32Array(2), 2);
    await Deno.mkdir(`${folder}/empty`);
    await Deno.mkdir(`${folder}/mixed`);
    for (const side of [3, 4]) {
      await Deno.writeFile(`${folder}/mixed/${side}.png`, encodePng(new Uint8Array(side * side), side, side));
    }
    const refused = async (line: string, ...args: string[]) => {
      const paths = args.map((arg) => /\.npz$|^empty|^mixed|^none/.test(arg) ? `${folder}/${arg}` : arg);
      assert.deepEqual(await evaluate(folder, ...paths), { status: 2, lines: [], notes: [`error: ${line}`] });
    };
    const fid = ["--metrics", "fid", "--reference", "digits.npz"];
    await refused("Nothing to evaluate: name a run with --run, or metrics and pictures with --metrics");
    await refused(
      "Cannot use --metrics with --run: it belongs to another evaluation; leave one out",
      ...["--run", "r", "--metrics", "fid"],
    );
    await refused(
      "Cannot use --quick with --metrics: it belongs to another evaluation; leave one out",
      ...["--metrics", "fid", "--quick"],
    );
    await refused(
      "Cannot use --json with --run: it belongs to another evaluation; leave one out",
      ...["--run", "r", "--json", "a"],
    );
    await refused("Cannot evaluate a.png with --run: pictures are measured with --metrics", "--run", "r", "a.png");
    await refused(
      'Cannot take --metrics fid,fud: wanted some of fid,is,kid,prdc, got "fud"',
      ...["--metrics", "fid,fud"],
    );
    await refused(
      "Cannot take --metrics of nothing: name a folder of .png files or an .npz file behind the options",
      ...fid,
    );
    await refused(
      "Cannot take --metrics kid without --reference: name pictures to compare with",
      ...["--metrics", "kid", "digits.npz"],
    );
    await refused(
      "Cannot use --reference with --metrics is: an Inception score compares with nothing; leave it out",
      ...["--metrics", "is", "--reference", "none", "digits.npz"],
    );
    await refused("Cannot read none: there is no such file", ...fid, "none");
    await refused(
      "Cannot evaluate empty: wanted a folder of .png files or an .npz file, got a folder without .png files",
      ...[...fid, "empty"],
    );
    await refused(
      "Cannot evaluate mixed/4.png: wanted 3x3 as mixed/3.png, got 4x4; resize all pictures alike",
      ...["--metrics", "is", "mixed"],
    );
    const kinds =
      "wanted pictures (arr_0 of uint8 [N, H, W, 1 or 3]), features (arr_0 or features of floats [N, D]) or " +
      "statistics (mu and sigma), got";
    await refused(`Cannot evaluate flat.npz: ${kinds} arr_0 of uint8 [28, 28]`, ...fid, "flat.npz");
    await refused(`Cannot evaluate other.npz: ${kinds} labels`, ...fid, "other.npz");
    await refused("Cannot evaluate nan.npz: arr_0 must hold finite floats", ...fid, "nan.npz");
    for (const [file, what] of Object.entries({ thin: "float32 [9, 0]", sizeless: "uint8 [9, 0, 0, 3]" })) {
      const line = `Cannot evaluate ${file}.npz: arr_0 of ${what} is empty; every axis must be at least 1`;
      await refused(line, ...fid, `${file}.npz`);
    }
    await refused("Cannot evaluate no_mu.npz: mu [0] is empty; every axis must be at least 1", ...fid, "no_mu.npz");
    await refused(
      "Cannot take statistics of half.npz: wanted mu [D] and sigma [D, D], got [2] and none",
      ...[...fid, "half.npz"],
    );
    await refused(
      "Cannot take kid and prdc of statistics.npz: it holds mu and sigma alone; name pictures, or features [N, D]",
      ...["--metrics", "fid,kid,prdc", "--reference", "statistics.npz", "digits.npz"],
    );
    await refused(
      "Cannot take is of features.npz: it holds features; name pictures, whose classes can be told",
      ...["--metrics", "is", "features.npz"],
    );
    await refused("Cannot take fid of one.npz: wanted at least 2 pictures, got 1", ...fid, "one.npz");
    await refused(
      "Cannot take fid of single.npz: wanted at least 2 vectors, got 1",
      ...["--metrics", "fid", "--reference", "features.npz", "single.npz"],
    );
    await refused(
      "Cannot evaluate both.npz: its statistics have 2 dimensions, its features 3; take both from the same network",
      ...["--metrics", "fid", "--reference", "both.npz", "features.npz"],
    );
    await refused(
      "Cannot compare small.npz with features.npz: their features have 128 and 2 dimensions; take both from the same " +
        "network; give the weights of Inception with --inception FILE", // before the judge refuses their size
      ...["--metrics", "fid", "--reference", "features.npz", "small.npz"],
    );
    await refused(
      "Cannot compare features.npz with digits.npz: their features have 2 and 128 dimensions; take both from the same " +
        "network; give the weights of Inception with --inception FILE",
      ...[...fid, "features.npz"],
    );
    const judge = "to the digits judge: it sees grey pictures of 28x28, got";
    const advice = "give the weights of Inception with --inception FILE";
    await refused(`Cannot show small.npz ${judge} 8x8; ${advice}`, ...fid, "small.npz");
    await refused(`Cannot show coloured.npz ${judge} colours; ${advice}`, ...fid, "coloured.npz");
    await refused(
      "Cannot use --inception: reference and samples hold features or statistics, no pictures to look at",
      ...["--metrics", "fid", "--reference", "statistics.npz", "features.npz", "--inception", "a.pth"],
    );
  }));
