import assert from "node:assert/strict";
import { tune } from "../../src/cli/tune_command.ts";
import { fastest, mostError } from "../../src/cli/tune_measure.ts";
import { tuningCases } from "../../src/cli/tuning_cases.ts";
import { tunedTable } from "../../src/cli/tuning_file.ts";
import { defaultTable, familyRuns, kernelFamilies } from "../../src/gpu/kernel_table.ts";
import { softmax } from "../../src/ops/softmax.ts";
import type { Device } from "../../src/tensor/device.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

Deno.test("tune takes the family with the least time over all cases, never one that is wrong", () => {
  const of = (family: "plain" | "block64" | "block128", milliseconds: number, error = 0) => ({
    family,
    milliseconds,
    error,
  });
  const long = [of("plain", 100), of("block64", 40), of("block128", 20)];
  assert.equal(fastest([long, [of("plain", 2), of("block64", 1), of("block128", 8)]]), "block64");
  assert.equal(fastest([long, [of("plain", 2), of("block64", 1), of("block128", 1)]]), "block128");
  const wrong = [of("plain", 2), of("block64", 1, NaN), of("block128", 1, 2 * mostError)];
  assert.equal(fastest([long, wrong]), "plain");
});

Deno.test("tune measures every heavy op, with sizes for CPUs and for GPUs", () => {
  for (const software of [true, false]) {
    const ops = new Set(tuningCases({ name: "some adapter", software }).map(({ op }) => op));
    assert.deepEqual([...ops], Object.keys(kernelFamilies));
  }
});

Deno.test("tune's work runs on the adapter's own kernels and gives numbers", async () => {
  const device = await testDevice();
  for (const work of tuningCases(device.gpu.adapter)) {
    using _scope = device.scope();
    const run = await work.prepare(device);
    for (const values of await device.read(run())) assert.ok(values.every(Number.isFinite), work.name);
  }
});

fileTest("tune prints a line a family and keeps what commands then use", async () => {
  const { adapter } = (await testDevice()).gpu;
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/.cache/kernels.json`, lines: string[] = [], devices: Device[] = [];
    const works = (name: string, sum: number) => ({
      op: "rows" as const,
      name,
      prepare: (device: Device) => {
        devices.push(device);
        const x = device.full([2, 8], sum);
        return () => [softmax(x)];
      },
    });
    const table = await tune(adapter, [works("first", 1), works("second", 2)], path, (line) => lines.push(line));
    const families = kernelFamilies.rows.filter((family) => familyRuns(family, adapter));
    const measured = lines.filter((line) => line.startsWith("rows ") && / (first|second) /.test(line));
    assert.equal(measured.length, 2 * families.length);
    assert.equal(devices.length, measured.length);
    for (const { gpu: { pool: { counters } } } of devices) {
      assert.deepEqual([counters.liveBytes, counters.pooledBytes], [0, 0], "memory is given back");
    }
    for (const line of measured) {
      assert.match(line, /^rows +(first|second) +(plain|lane|block) +\d+\.\d+ +\d+\.\d+ +\d/);
    }
    assert.match(lines.at(-1)!, /^Kept in .*kernels\.json; delete it to go back to the defaults$/);
    assert.deepEqual(
      { ...table, rows: "plain" },
      { ...defaultTable(adapter), rows: "plain" },
      "what has no case stays",
    );
    assert.deepEqual(await tunedTable(adapter, path), table);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
