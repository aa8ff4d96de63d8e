import assert from "node:assert/strict";
import { comparePage, verdict } from "../../bench/compare.ts";
import { parseRecord } from "../../bench/record.ts";

const row = (name: string, wall: number, spread = 0) => ({ name, timings: { stipple: { wall, spread } } });
const record = (rows: ReturnType<typeof row>[], adapter = "llvmpipe") => ({
  date: "2026-11-25",
  adapter,
  version: "0.1.0",
  quick: false,
  suites: { kernels: { rows } },
});

Deno.test("verdict: slower and faster beyond the noise, the same both ways", () => {
  assert.deepEqual([1, 1.09, 1.11, 0.92, 0.9].map((ratio) => verdict(ratio, 0.1)), ["", "", "slower", "", "faster"]);
});

Deno.test("comparePage: times side by side, noise by the spread of the samples, rows of one record named", () => {
  const page = comparePage(
    record([row("add", 2), row("noisy", 2, 0.6), row("old", 1), row("softmax", 4)]),
    record([row("add", 3), row("noisy", 3), row("new", 1), row("softmax", 2)]),
  );
  assert.equal(
    page,
    [
      "A: 2026-11-25, 0.1.0, llvmpipe",
      "B: 2026-11-25, 0.1.0, llvmpipe",
      "",
      "## kernels",
      "",
      "|         | A ms | B ms | B / A |        |",
      "| ------- | ---: | ---: | ----: | -----: |",
      "| add     |    2 |    3 |   1.5 | slower |",
      "| noisy   |    2 |    3 |   1.5 |        |",
      "| softmax |    4 |    2 |   0.5 | faster |",
      "",
      "Not in B: old",
      "Not in A: new",
    ].join("\n"),
  );
});

Deno.test("comparePage: says so where the adapters differ", () => {
  const page = comparePage(record([]), record([], "Quick GPU"));
  assert.ok(page.includes("The adapters differ: times compare machines, not programs."));
});

Deno.test("parseRecord: a record as written; other files with the place", () => {
  const good = record([row("add", 2)]);
  assert.deepEqual(parseRecord(JSON.stringify({ ...good, seconds: 3 }), "a.json"), good);
  const wanted = "; wanted a file of deno task bench --json";
  assert.throws(() => parseRecord("{", "a.json"), {
    name: "UserError",
    message: `Cannot read a.json: it is not JSON${wanted}`,
  });
  assert.throws(() => parseRecord(JSON.stringify(record([row("add", -1)])), "a.json"), {
    name: "UserError",
    message:
      `Cannot read a.json: suites.kernels.rows.0.timings.stipple.wall: Too small: expected number to be >0${wanted}`,
  });
  assert.throws(() => parseRecord("[]", "a.json"), {
    name: "UserError",
    message: `Cannot read a.json: the file: Invalid input: expected object, received array${wanted}`,
  });
});
