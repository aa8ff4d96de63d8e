import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import { storeRow } from "../../src/ops/store_row.ts";
import { testDevice } from "../support/device.ts";

Deno.test("storeRow follows its scalar from replay to replay", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const table = device.full([3, 37], -1), values = device.zeros([37]);
  const row = new Scalar(0);
  const step = device.capture(() => storeRow(table, row, values));
  for (const at of [2, 0]) {
    row.value = at;
    values.write(new Float32Array(37).fill(10 + at));
    step.replay();
  }
  step.dispose();
  const found = await table.data();
  assert.deepEqual([...found], [10, -1, 12].flatMap((value) => Array<number>(37).fill(value)));
});

Deno.test("storeRow refuses values that are no row", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => storeRow(device.zeros([3, 4]), 0, device.zeros([5])), {
    name: "RangeError",
    message: "Cannot apply store_row: values must have shape [4], got [5]",
  });
  assert.throws(() => storeRow(device.zeros([4]), 0, device.zeros([4])), {
    name: "RangeError",
    message: "Cannot apply store_row: table must have 2 axes, got shape [4]",
  });
});
