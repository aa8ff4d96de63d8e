import assert from "node:assert/strict";
import { MetricsLog, readMetrics } from "../../src/io/metrics_log.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError } from "./user_error.ts";

await fileTest(
  "metrics log: one object a line, non-finite numbers by name",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/metrics.jsonl`;
      using log = await MetricsLog.open(path);
      const records = [{ step: 1, loss: NaN, rewards: [Infinity, -Infinity] }, {
        step: 2,
        note: "NaN or not",
        names: ["Infinity "],
      }];
      for (const record of records) log.append(record);
      assert.equal(
        await Deno.readTextFile(path),
        '{"step":1,"loss":"NaN","rewards":["Infinity","-Infinity"]}\n{"step":2,"note":"NaN or not","names":["Infinity "]}\n',
      );
      assert.deepEqual(await readMetrics(path), records);
    }),
);

await fileTest("metrics log: a resumed run goes on in the same file", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/metrics.jsonl`;
    {
      using log = await MetricsLog.open(path);
      for (const step of [1, 2, 3]) log.append({ step });
    }
    await Deno.writeTextFile(path, '{"step":4,"lo', { append: true }); // a crash in mid-line
    assert.deepEqual(await readMetrics(path), [{ step: 1 }, { step: 2 }, { step: 3 }]);
    using log = await MetricsLog.open(path);
    await log.truncateTo(2);
    log.append({ step: 30 });
    assert.deepEqual(await readMetrics(path), [{ step: 1 }, { step: 2 }, { step: 30 }]);
    await log.truncateTo(0);
    assert.deepEqual(await readMetrics(path), []);
  }));

await fileTest("metrics log: what cannot be read or resumed is refused", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/metrics.jsonl`;
    await Deno.writeTextFile(path, '{"step":1}\n[2]\n{"step"\n');
    await assertUserError(
      () => readMetrics(path),
      `Cannot read ${path}: line 2 is not a JSON object; remove or mend it`,
    );
    await Deno.writeTextFile(path, '{"step":1}\n{"step"\n');
    await assertUserError(
      () => readMetrics(path),
      `Cannot read ${path}: line 2 is not a JSON object; remove or mend it`,
    );
    using log = await MetricsLog.open(path);
    await assertUserError(
      () => log.truncateTo(3),
      `Cannot resume from line 3 of ${path}: it has 2 lines; restore the file`,
    );
    await assertUserError(
      () => MetricsLog.open(`${folder}/no/a`),
      `Cannot write ${folder}/no/a: its folder does not exist; create it first`,
    );
  }));
