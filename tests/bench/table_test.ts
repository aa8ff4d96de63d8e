import assert from "node:assert/strict";
import type { BenchRecord } from "../../bench/record.ts";
import { markdownTable, missed, recordPage, shortNumber } from "../../bench/table.ts";
import { defaultTable } from "../../src/gpu/kernel_table.ts";

Deno.test("markdownTable: even columns, numbers to the right", () => {
  assert.deepEqual(markdownTable(["", "ms"], [["add", "1.5"], ["softmax", "10"]]), [
    "|         |  ms |",
    "| ------- | --: |",
    "| add     | 1.5 |",
    "| softmax |  10 |",
  ]);
});

Deno.test("shortNumber: three digits that can be read", () => {
  const cases: [number | undefined, string][] = [
    [undefined, ""],
    [0, "0"],
    [1234.5, "1235"],
    [123.4, "123"],
    [12.34, "12.3"],
    [0.01234, "0.0123"],
    [2, "2"],
    [1e-6, "1.0e-6"],
    [Infinity, "Infinity"],
  ];
  for (const [value, text] of cases) assert.equal(shortNumber(value), text);
});

Deno.test("missed: on either side, and for what is no number", () => {
  const check = (value: number, kind: "least" | "most") => missed({ name: "", value, kind, wanted: 2 });
  assert.deepEqual([check(2, "least"), check(2, "most"), check(1, "least"), check(3, "most")], [
    false,
    false,
    true,
    true,
  ]);
  assert.ok(check(NaN, "least") && check(NaN, "most"));
});

const timing = { wall: 2, cpu: 3.5, spread: 0.1, runs: 4 };

Deno.test("recordPage: the machine, columns that are used, missed figures, notes and refusals", () => {
  const record: BenchRecord = {
    command: "deno task bench --peers",
    date: "2026-11-25",
    adapter: "llvmpipe",
    kernels: defaultTable({ name: "llvmpipe", software: true, subgroupSize: 8 }),
    driver: "Mesa 22.3",
    cores: 2,
    load_average_before: 0,
    deno: "2.9.6",
    version: "0.1.0",
    commit: "0123456789abcdef",
    peers: [{ name: "tfjs", version: "4.22.0" }],
    quick: true,
    peak: { gflops: 100, gbytes: 10 },
    seconds: 61.2,
    suites: {
      kernels: {
        rows: [
          {
            name: "add",
            timings: { stipple: timing, tfjs: { ...timing, wall: 5 } },
            ratio: 2.5,
            wanted: 3,
            share: 0.5,
          },
          { name: "softmax", timings: { stipple: timing }, refused: { tfjs: "no such op" } },
        ],
        checks: [{ name: "ops", value: 3, kind: "most", wanted: 2 }],
        notes: ["A note."],
      },
    },
  };
  const page = recordPage(record);
  for (
    const text of [
      "# Benchmarks of 2026-11-25 (quick: no measure)",
      "llvmpipe, driver Mesa 22.3, 2 cores, Deno 2.9.6. Stipple 0.1.0 (0123456), tfjs 4.22.0. 61 s in all.",
      "|         |  ms | CPU ms | of peak | tfjs ms | tfjs CPU ms | ratio |     wanted |",
      "| add     |   2 |    3.5 |    50 % |       5 |         3.5 |   2.5 | 3 (missed) |",
      "| softmax |   2 |    3.5 |         |         |             |       |            |",
      "| ops    |     3 | at most 2 (missed) |",
      "A note.\n\nNot timed: tfjs, softmax: no such op\n",
    ]
  ) assert.ok(page.includes(text), `${text}\nis not in\n${page}`);
  assert.ok(!page.includes("GB/s |"), "a column without values is left out");
});
