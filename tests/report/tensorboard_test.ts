import assert from "node:assert/strict";
import { crc32c, TensorBoardLog } from "../../src/report/tensorboard.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { fileTest } from "../support/file_test.ts";
import { readEvents } from "./tensorboard_events.ts";

Deno.test("crc32c: the check value of the standard, and of nothing", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array()), 0);
});

await fileTest(
  "TensorBoardLog: a reader finds the version, then scalars by tag, step and time",
  () =>
    withTemporaryFolder(async (folder) => {
      const directory = `${folder}/run/tensorboard`;
      using log = await TensorBoardLog.open(directory);
      log.append(0, { reward: 0.5, grpo: { kl_degree: -1e-3, inner: { x: 3 } } }, 1764075600.25);
      log.append(5_000_000_000, { ["größe ".repeat(30)]: 1 }, 1764075601);
      const name = log.path.slice(directory.length + 1);
      assert.match(name, /^events\.out\.tfevents\.\d{13}$/);
      const [version, ...events] = readEvents(await Deno.readFile(log.path)); // flushed: the log is still open
      assert.equal(version!.version, "brain.Event:2");
      assert.ok(Math.abs(version!.wallTime - Date.now() / 1000) < 60);
      assert.deepEqual(events, [
        {
          wallTime: 1764075600.25,
          step: 0,
          scalars: { reward: 0.5, "grpo/kl_degree": Math.fround(-1e-3), "grpo/inner/x": 3 },
        },
        { wallTime: 1764075601, step: 5e9, scalars: { ["größe ".repeat(30)]: 1 } },
      ]);
    }),
);

await fileTest(
  "TensorBoardLog: passes over what is no finite number in float32",
  () =>
    withTemporaryFolder(async (folder) => {
      using log = await TensorBoardLog.open(folder);
      const nothing = {
        phase: "grpo",
        nan: NaN,
        infinite: -Infinity,
        large: 1e300,
        list: [1, 2],
        empty: {},
        none: null,
      };
      log.append(1, nothing, 2);
      log.append(2, { ...nothing, kept: 7 }, 2);
      const [, ...events] = readEvents(await Deno.readFile(log.path));
      assert.deepEqual(events, [{ wallTime: 2, step: 2, scalars: { kept: 7 } }]);
    }),
);

await fileTest(
  "TensorBoardLog: a log that is opened again begins a file that is read after the first",
  () =>
    withTemporaryFolder(async (folder) => {
      const paths: string[] = [];
      for (let i = 0; i < 2; i++) {
        using log = await TensorBoardLog.open(folder);
        log.append(3, { reward: i }, 0);
        paths.push(log.path);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      assert.ok(paths[0]! < paths[1]!);
      const rewards = await Promise.all(paths.map(async (path) => readEvents(await Deno.readFile(path))[1]!.scalars));
      assert.deepEqual(rewards, [{ reward: 0 }, { reward: 1 }]);
    }),
);

await fileTest("TensorBoardLog: errors of the step and of the place", () =>
  withTemporaryFolder(async (folder) => {
    using log = await TensorBoardLog.open(folder);
    for (const step of [-1, 0.5, NaN]) {
      assert.throws(
        () => log.append(step, { reward: 1 }, 0),
        new RangeError(`Cannot log scalars at step ${step}: wanted a whole number from 0 up`),
      );
    }
    await Deno.writeTextFile(`${folder}/file`, "");
    const error = await TensorBoardLog.open(`${folder}/file/log`).then(() => null, (error: Error) => error);
    assert.match(
      error!.message,
      /^Cannot write .*\/file\/log\/events\.out\.tfevents\.\d+: a part of the path is a file, not a folder$/,
    );
    await assertUserError(() => Promise.reject(error), error!.message);
  }));
