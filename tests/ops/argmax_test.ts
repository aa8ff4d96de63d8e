import assert from "node:assert/strict";
import { argmax, argmaxOp } from "../../src/ops/argmax.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

checkOp(argmaxOp, {
  reference: {
    forward: ([x]) => {
      const width = x!.shape.at(-1)!;
      const rows = Array.from({ length: x!.data.length / width }, (_, r) => x!.data.slice(r * width, (r + 1) * width));
      return new Ref(x!.shape.slice(0, -1), rows.map((row) => row.indexOf(Math.max(...row))));
    },
  },
  cases: [
    { shapes: [[1]] },
    { shapes: [[7]] },
    { shapes: [[5, 64]] },
    { shapes: [[2, 3, 131]] },
    { shapes: [[3, 5000]] },
    { shapes: [[2, 4]], values: [[3, 7, 7, 1, -1e30, -2e30, -1e30, -3e38]], note: "ties" },
  ],
});

for (const n of [70_000, 1_000_000, 1_100_000]) {
  Deno.test(`argmax of ${n} elements`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const host = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    host[n - 5] = host[n - 2] = 2;
    assert.deepEqual([...await argmax(device.tensor(host)).data()], [n - 5]);
  });
}

Deno.test("argmax finds the first NaN, and the first of infinities", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, NaN, 9, NaN, -Infinity, -Infinity, -Infinity, -Infinity, 0, 1, Infinity, Infinity], [
    3,
    4,
  ]);
  const y = argmax(x);
  assert.equal(y.dtype, "i32");
  assert.deepEqual([...await y.data()], [1, 0, 2]);
});

Deno.test("argmax refuses scalars and integers", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => argmax(device.zeros([])), {
    name: "RangeError",
    message: "Cannot apply argmax: x must have at least 1 axes, got shape []",
  });
  assert.throws(() => argmax(device.zeros([2], "i32")), { message: "Cannot apply argmax: x must hold f32, got i32" });
});
