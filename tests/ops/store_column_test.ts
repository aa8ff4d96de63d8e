import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import { storeColumn } from "../../src/ops/store_column.ts";
import { testDevice } from "../support/device.ts";

Deno.test("storeColumn follows its scalar from replay to replay, in every element type", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const table = device.full([2, 3], -1, "i32"), values = device.zeros([2], "i32"), column = new Scalar(0);
  const step = device.capture(() => storeColumn(table, column, values));
  for (const at of [2, 0]) {
    column.value = at;
    values.write(Int32Array.of(at + 1, 10 + at));
    step.replay();
  }
  step.dispose();
  assert.deepEqual([...await table.data()], [1, -1, 3, 10, -1, 12]);
});

Deno.test("storeColumn: columns of several elements", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const table = device.zeros([2, 2, 67]);
  storeColumn(table, 1, device.tensor(Float32Array.from({ length: 134 }, (_, i) => i + 0.5), [2, 67]));
  const half = Array.from({ length: 67 }, (_, i) => i + 0.5), none = Array<number>(67).fill(0);
  assert.deepEqual([...await table.data()], [...none, ...half, ...none, ...half.map((value) => value + 67)]);
});

Deno.test("storeColumn refuses values that are no column", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (body: () => void, message: string) =>
    assert.throws(body, { name: "RangeError", message: `Cannot apply store_column: ${message}` });
  const table = device.zeros([2, 3]);
  refuses(() => storeColumn(table, 0, device.zeros([3])), "values must have shape [2], got [3]");
  refuses(() => storeColumn(table, 0, device.zeros([2], "i32")), "values must hold f32, got i32");
  refuses(
    () => storeColumn(device.zeros([4]), 0, device.zeros([4])),
    "table must have at least 2 axes, got shape [4]",
  );
});
