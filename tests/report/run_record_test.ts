import assert from "node:assert/strict";
import fc from "fast-check";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { parseEvaluation, readEvaluation, stepOf } from "../../src/report/run_record.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError, tolerateUserError } from "../io/user_error.ts";
import { fileTest } from "../support/file_test.ts";
import { method, syntheticEvaluation } from "./synthetic_run.ts";

await fileTest(
  "readEvaluation: what was written comes back, NaN included; null for none and for other jobs' files",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await RunDirectory.create(`${folder}/run`);
      assert.equal(await readEvaluation(run), null);
      const evaluation = { ...syntheticEvaluation(), methods: [method({ kid: NaN })] };
      await run.writeJson("eval.json", evaluation);
      assert.deepEqual(await readEvaluation(run), evaluation);
      await run.writeJson("eval.json", { adapter: "llvmpipe", guidance: [] });
      assert.equal(await readEvaluation(run), null);
    }),
);

Deno.test("parseEvaluation: errors name the file and the place", async () => {
  await assertUserError(
    () => parseEvaluation("{", "run/eval.json"),
    "Cannot read run/eval.json: it is not JSON; evaluate the run again",
  );
  const wrong = (changes: object, message: string) =>
    assertUserError(
      () => parseEvaluation(JSON.stringify({ ...syntheticEvaluation(), ...changes }), "eval.json"),
      `Cannot read eval.json: ${message}; evaluate the run again`,
    );
  await wrong({ methods: [{ ...method(), kid: "low" }] }, "methods.0.kid: expected a number");
  const decisions = syntheticEvaluation().decisions!;
  await wrong(
    { decisions: { ...decisions, histogram: [[1]] } },
    "decisions.histogram: expected a count for every degree in each step",
  );
  await wrong({ decisions: { ...decisions, width: 4 } }, "decisions.painted_at: expected whole rows");
});

Deno.test("parseEvaluation: any JSON is an evaluation, none, or a one-line error", () => {
  const valid = syntheticEvaluation();
  const changed = fc.tuple(fc.constantFrom(...Object.keys(valid)), fc.jsonValue()).map(([key, value]) => ({
    ...valid,
    [key]: value,
  }));
  const any = fc.oneof(fc.jsonValue(), changed, fc.dictionary(fc.constantFrom("methods", "__proto__"), fc.jsonValue()));
  fc.assert(
    fc.property(any, (value) => tolerateUserError(() => parseEvaluation(JSON.stringify(value), "eval.json"))),
    { seed: 20, numRuns: 500 },
  );
});

Deno.test("stepOf: by step, updates or epoch; none for others", () => {
  const records = [{ step: 3, epoch: 1 }, { updates: 0 }, { epoch: 2 }, { steps: 4 }, { step: -1 }, { step: "3" }];
  assert.deepEqual(records.map(stepOf), [3, 0, 2, undefined, undefined, undefined]);
});
