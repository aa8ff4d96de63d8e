import assert from "node:assert/strict";
import { relative } from "node:path";
import { reward as inkReward } from "../../examples/ink_reward.ts";
import { loadMnist } from "../../src/data/digits.ts";
import { UserError } from "../../src/error.ts";
import { loadUserReward, type UserRewardBatch } from "../../src/rewards/user_reward.ts";
import { assertUserError } from "../io/user_error.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { fileTest } from "../support/file_test.ts";
import { seededRandom } from "../support/random.ts";

function batchOf(images: Float32Array, count: number, size: number): UserRewardBatch {
  return {
    images,
    shape: [count, 1, size, size],
    classes: new Int32Array(count),
    classNames: [..."0123456789"],
    prompts: null,
  };
}

const three = batchOf(new Float32Array(3 * 4), 3, 2);
const example = new URL("../../examples/ink_reward.ts", import.meta.url).pathname;

Deno.test("examples/ink_reward.ts: real digits earn, empty, white and noisy pictures do not", async () => {
  const { images } = await loadMnist();
  const area = 28 * 28, count = 200;
  const real = new Float32Array(count * area);
  for (let n = 0; n < count; n++) {
    const digit = images.subarray(50 * n * area, (50 * n + 1) * area);
    digit.forEach((byte, i) => real[n * area + i] = byte / 255);
  }
  const earned = inkReward(batchOf(real, count, 28));
  const mean = earned.reduce((a, b) => a + b) / count;
  assert.ok(mean > 0.6, `real digits earn ${mean}`);
  const others = new Float32Array(3 * area).fill(1, area, 2 * area);
  const random = seededRandom(1);
  for (let i = 2 * area; i < others.length; i++) others[i] = random();
  assert.ok(inkReward(batchOf(others, 3, 28)).every((value) => value < 0.05));
});

await fileTest("loadUserReward: the example's rewards under the file's name", async () => {
  const { name, score } = await loadUserReward(example);
  assert.equal(name, "ink_reward");
  const batch = batchOf(Float32Array.from({ length: 12 }, (_, i) => i < 4 ? 0.13 : 0), 3, 2);
  const scores = await score(batch);
  assert.deepEqual(scores, Float32Array.from(inkReward(batch)));
  assert.ok(scores[0]! > 0.999 && scores[1]! < 0.05, `${scores}`);
});

/** Loads a module of this text from a file of a name that must survive its way into an address. */
async function withModule(text: string, body: (path: string) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const path = `${folder}/my#reward%20.ts`;
    await Deno.writeTextFile(path, text);
    await body(path);
  });
}

await fileTest("loadUserReward: arrays, Float32Arrays and promises of them", async () => {
  const written = ["[0, 0.5, 1]", "Float32Array.of(0, 0.5, 1)", "Promise.resolve([0, 0.5, 1])"];
  for (const values of written) {
    await withModule(`export const reward = (batch: { shape: number[] }) => ${values};`, async (path) => {
      const { name, score } = await loadUserReward(path);
      assert.equal(name, "my#reward%20");
      assert.deepEqual(await score(three), Float32Array.of(0, 0.5, 1));
    });
  }
});

await fileTest("loadUserReward: a path counts from the current directory", async () => {
  const { name } = await loadUserReward(relative(Deno.cwd(), example));
  assert.equal(name, "ink_reward");
});

Deno.test("loadUserReward refuses addresses", async () => {
  for (const address of ["http://a.example/reward.ts", "https://a.example/reward.ts", "npm:reward", "data:,reward"]) {
    await assertUserError(
      () => loadUserReward(address),
      `Cannot load the reward ${address}: wanted the path of a file on this machine; ` +
        "save the module here and name its file",
    );
  }
});

await fileTest("loadUserReward: files that are missing, and folders", async () => {
  await withTemporaryFolder(async (folder) => {
    await assertUserError(
      () => loadUserReward(`${folder}/none.ts`),
      `Cannot load the reward ${folder}/none.ts: there is no file ${folder}/none.ts; ` +
        "give its path from the current directory",
    );
    await assertUserError(
      () => loadUserReward(folder),
      `Cannot load the reward ${folder}: it is a folder; name the module in it`,
    );
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertUserError(
      () => loadUserReward(`${folder}/file/reward.ts`),
      `Cannot read ${folder}/file/reward.ts: a part of the path is a file, not a folder`,
    );
  });
});

await fileTest("loadUserReward: modules that cannot be loaded", async () => {
  const advice = "try `deno check` on it, and mend what it says";
  await withModule(`throw new Error("no \\x1b[31mlicence\\nfound");`, async (path) => {
    await assertUserError(() => loadUserReward(path), `Cannot load the reward ${path}: "no licence"; ${advice}`);
  });
  await withModule("export function reward( {", async (path) => {
    await assert.rejects(() => loadUserReward(path), (error: unknown) => {
      assert.ok(error instanceof UserError, `${error}`);
      assert.match(error.message, /^Cannot load the reward .*my#reward%20\.ts: ".+"; try `deno check` on it, .*$/);
      assert.doesNotMatch(error.message, /\p{Cc}/u);
      return true;
    });
  });
});

await fileTest("loadUserReward: modules without a function reward", async () => {
  const advice = "write `export function reward(batch) { ... }`";
  const refused = [
    ["export default () => [1];", "it exports no reward"],
    ["export const reward = [1];", "its export reward is no function but an object (Array)"],
    ["export const reward = 7;", "its export reward is no function but number 7"],
    ["export const reward = undefined;", "its export reward is no function but undefined"],
  ];
  for (const [text, found] of refused) {
    await withModule(text!, async (path) => {
      await assertUserError(() => loadUserReward(path), `Cannot use the reward ${path}: ${found}; ${advice}`);
    });
  }
});

await fileTest("loadUserReward: what a reward must not do or return", async () => {
  const one = "wanted one for each, in their order", range = "wanted a number from 0 to 1";
  const array = "wanted an array with a number for each of 3 pictures";
  const failures = [
    [`{ throw new Error("no model\\nat hand"); }`, 'failed: "no model"; mend its function reward'],
    [`Promise.reject("late")`, 'failed: "late"; mend its function reward'],
    ["{ throw new TypeError(); }", 'failed: "TypeError"; mend its function reward'],
    ["0.5", `returned number 0.5: ${array}`],
    ["null", `returned null: ${array}`],
    ["{}", `returned undefined: ${array}`],
    ["({ scores: [1, 1, 1] })", `returned an object (Object): ${array}`],
    ["[0.5, 0.5]", `returned 2 numbers for 3 pictures: ${one}`],
    ["new Float32Array(4)", `returned 4 numbers for 3 pictures: ${one}`],
    ["[0, NaN, 1]", `returned NaN for picture 1: ${range}`],
    ["[0, 1, Infinity]", `returned Infinity for picture 2: ${range}`],
    ["[-0.01, 1, 1]", `returned -0.01 for picture 0: ${range}`],
    ["[0, 1, 1.5]", `returned 1.5 for picture 2: ${range}`],
    ["new Array(3)", `returned undefined for picture 0: ${range}`],
    [`[1, "1", 1]`, `returned "1" for picture 1: ${range}`],
    ["[1, 1, 1n]", `returned bigint 1 for picture 2: ${range}`],
  ];
  for (const [body, message] of failures) {
    await withModule(`export const reward = (): unknown => ${body};`, async (path) => {
      const { score } = await loadUserReward(path);
      await assertUserError(() => score(three), `The reward ${path} ${message}`);
    });
  }
});
