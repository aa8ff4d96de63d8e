import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { trainCommand } from "../../src/cli/train_command.ts";
import { canonicalConfig } from "../../src/config/canonical.ts";
import { kernelFamilies } from "../../src/gpu/kernel_table.ts";
import { configFile, tinyConfig, tinyOverrides } from "../jobs/tiny_run.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { fileTest } from "../support/file_test.ts";

/** Status and notes of `deno task train` with these arguments. */
async function train(...args: string[]): Promise<{ status: number; notes: string[] }> {
  const notes: string[] = [];
  return { status: await commandStatus("train", trainCommand, args, (line) => notes.push(line)), notes };
}

const help = "deno task train --help lists the options";
const misuses: [what: string, args: string[], line: string][] = [
  ["an unknown flag", ["--sead", "3"], `error: unknown option '--sead' (Did you mean --seed?); ${help}`],
  [
    "a missing config file",
    [configFile.replace("grpo", "gropo")],
    `error: ${configFile.replace("grpo", "gropo")}: no such config file; did you mean ${configFile}?`,
  ],
  [
    "an unknown key in --set",
    [configFile, "--set", "grpo.updatse=3"],
    "error: --set grpo.updatse=3: grpo.updatse: " +
    'unknown key; did you mean "updates"?',
  ],
  [
    "a wrong type in --set",
    [configFile, "--set", "grpo.updates=many"],
    "error: --set grpo.updates=many: " +
    'grpo.updates: expected number, received string "many"',
  ],
  [
    "a seed that is no number",
    [configFile, "--seed", "one"],
    "error: --set seed=one: seed: " +
    'expected number, received string "one"',
  ],
  [
    "--out with --resume",
    ["--out", "a", "--resume", "b"],
    "error: Cannot use --out with --resume: the run stays in " +
    "its folder",
  ],
  [
    "--resume of no run",
    ["--resume", "/nowhere"],
    "error: Cannot open the run /nowhere: it has no config.yaml; name " +
    "a folder that train wrote",
  ],
];
for (const [what, args, line] of misuses) {
  await fileTest(`train: ${what} is one line and status 2`, async () => {
    assert.deepEqual(await train(...args), { status: 2, notes: [line] });
  });
}

await fileTest(
  "train: mistakes in a config file come with line and column",
  () =>
    withTemporaryFolder(async (folder) => {
      const file = `${folder}/my.yaml`;
      const text = await Deno.readTextFile(configFile);
      await Deno.writeTextFile(file, text.replace("  epochs:", "  epochz:").replace(/ groups: \d+/, " groups: ten"));
      const line = (start: string) => text.split("\n").findIndex((each) => each.startsWith(start)) + 1;
      const { status, notes } = await train(file);
      assert.equal(status, 2);
      const problems = notes.join("\n").replace("error: ", "").split("\n");
      assert.deepEqual(problems.map((problem) => problem.slice(file.length + 1)), [
        `${line("pretrain:")}:1: pretrain.epochs: missing; expected number`,
        `${line("  epochs:")}:3: pretrain.epochz: unknown key; did you mean "epochs"?`,
        `${line("  groups:")}:11: grpo.groups: expected number, received string "ten"`,
      ]);
    }),
);

await fileTest(
  "train: --out of a folder that holds something, --resume with another config",
  () =>
    withTemporaryFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/config.yaml`, canonicalConfig(await tinyConfig(folder)));
      assert.deepEqual(await train(configFile, "--out", folder), {
        status: 2,
        notes: [
          `error: Cannot start a run in ${folder}: the folder is not empty; continue its run with --resume ${folder} ` +
          "or name another with --out",
        ],
      });
      assert.deepEqual(await train("--resume", folder, "--seed", "7", "--set", "grpo.beta=0.3"), {
        status: 2,
        notes: [
          `error: Cannot resume ${folder}: it was made with another config (grpo.beta, seed); resume it with its own, ` +
          "or start a new run",
        ],
      });
      const { status, notes } = await train("--resume", folder, configFile);
      assert.equal(status, 2);
      assert.match(notes[0]!, /another config \(data\.source, .*scratch\.updates\)/);
    }),
);

await fileTest(
  "train: a file of an ImageNet job that is missing leaves no run behind",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = new URL("../../configs/imagenet_policy.yaml", import.meta.url).pathname;
      const { status, notes } = await train(path, "--set", `model.weights=${folder}/none.pt`, "--out", `${folder}/run`);
      assert.equal(status, 2);
      assert.match(notes.join("\n"), /^error: Cannot train: .*none\.pt is not there: fetch /);
      assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
    }),
);

await fileTest(
  "train: missing data, too little data and too little memory",
  () =>
    withTemporaryFolder(async (folder) => {
      const overrides = (...more: string[]) => [...tiny, ...more].flatMap((each) => ["--set", each]);
      const tiny = await tinyOverrides(folder);
      const source = "data.source={images: /nowhere/a.gz, labels: /nowhere/b.gz}";
      assert.deepEqual(await train(configFile, ...overrides(source), "--out", `${folder}/a`), {
        status: 2,
        notes: ["error: Cannot read /nowhere/a.gz: there is no such file"],
      });
      assert.deepEqual(await train(configFile, ...overrides("data.train=1000"), "--out", `${folder}/b`), {
        status: 2,
        notes: ["error: Split: 1000 train + 40 test digits wanted, but there are 140: ask for less"],
      });
      const { status, notes } = await train(configFile, ...overrides("memory_gib=0.001"), "--out", `${folder}/c`);
      assert.equal(status, 2);
      assert.match(
        notes.join("\n"),
        /^error: Cannot allocate .* MiB for .*: .* MiB of the budget of 1.02 MiB are in use; use a smaller batch, or raise the memory budget$/,
      );
      const { kernels } = JSON.parse(await Deno.readTextFile(`${folder}/c/environment.json`));
      assert.deepEqual(Object.keys(kernels), Object.keys(kernelFamilies), "the run tells its kernels");
    }),
);
