import assert from "node:assert/strict";
import { softmax, softmaxOp } from "../../src/ops/softmax.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { deviceWith, familiesOf, testDevice } from "../support/device.ts";

for (const rows of await familiesOf("rows")) {
  checkOp(softmaxOp, {
    table: { rows },
    reference: {
      forward: ([x]) =>
        x!.mapRows((row) => {
          const m = Math.max(...row), e = row.map((v) => Math.exp(v - m)), s = e.reduce((a, b) => a + b, 0);
          return e.map((v) => v / s);
        }),
      backward: (_inputs, [y], [dy]) => [
        y!.zipRows(dy!, (yr, dr) => {
          const dot = yr.reduce((a, v, i) => a + v * dr[i]!, 0);
          return yr.map((v, i) => v * (dr[i]! - dot));
        }),
      ],
    },
    cases: [
      { shapes: [[1, 1]] },
      { shapes: [[3, 7]] },
      { shapes: [[5, 64]] },
      { shapes: [[4, 257]] },
      { shapes: [[2, 4096]] },
      { shapes: [[2, 3, 5]] },
      { shapes: [[130, 36]], note: "lanes share rows, some idle" },
      { shapes: [[5, 1000]], note: "lanes share wide rows" },
      { shapes: [[2, 3]], values: [[0, -1e30, 80, 500, 500, 500]], note: "extremes" },
    ],
  });
}

Deno.test("softmax sums the longest row whole", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([20000]);
  x.requiresGrad = true;
  const y = softmax(x);
  assertAllClose((await y.data()).map((v) => v * 20000), new Float32Array(20000).fill(1), 1e-5);
  const [dx] = y.node!.backward([device.full([20000], 2)], [true]);
  assertAllClose(await dx!.data(), new Float32Array(20000), 1e-6); // a sum cut short would be off by 2e-5
});

Deno.test("softmax lets NaN through in its row alone and gives masked elements nothing", async () => {
  for (const rows of await familiesOf("rows")) {
    const device = await deviceWith({ rows });
    using _scope = device.scope();
    const x = device.tensor([NaN, 1, 0, 0, -Infinity, 3], [3, 2]);
    assert.deepEqual([...await softmax(x).data()], [NaN, NaN, 0.5, 0.5, 0, 1]);
  }
});

Deno.test("softmax of rows of the lowest float alone is uniform", async () => {
  for (const rows of await familiesOf("rows")) {
    const device = await deviceWith({ rows });
    using _scope = device.scope();
    for (const shape of [[2, 8], [1030, 4], [160, 32]]) {
      const y = await softmax(device.full(shape, -3.4028234663852886e38)).data();
      assert.ok(y.every((p) => p === 1 / shape[1]!), `${rows} ${shape}: ${y[0]}`);
    }
  }
});

Deno.test("softmax of rows that lanes share: NaN, masked elements and extremes", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const rows = new Float32Array(1025 * 4).fill(-Infinity);
  rows.set([NaN, 1, 2, 3, 500, -Infinity, 500, -1e30, -1e30, -1e30, -3e38, -3e38]);
  for (let row = 3; row < 1025; row++) rows[row * 4 + row % 4] = row;
  const y = await softmax(device.tensor(rows, [1025, 4])).data();
  assert.deepEqual([...y.subarray(0, 12)], [NaN, NaN, NaN, NaN, 0.5, 0, 0.5, 0, 0.5, 0.5, 0, 0]);
  for (let i = 12; i < y.length; i++) assert.equal(y[i], i % 4 === (i >> 2) % 4 ? 1 : 0);
});

Deno.test("softmax of more rows than a dimension of a grid holds workgroups", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const rows = 1_050_000; // subgroups take 16 each
  const x = device.tensor(Float32Array.from({ length: 4 * rows }, (_, i) => i % 4 === (i >> 2) % 3 ? 0 : -1000), [
    rows,
    4,
  ]);
  x.requiresGrad = true;
  const y = softmax(x), values = await y.data();
  assert.equal(values.findIndex((p, i) => p !== (i % 4 === (i >> 2) % 3 ? 1 : 0)), -1);
  const [dx] = y.node!.backward([device.full(x.shape, 2)], [true]);
  assert.equal((await dx!.data()).findIndex((d) => d !== 0), -1);
});

Deno.test("softmax refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (shape: number[], message: string, dtype: "f32" | "i32" = "f32") =>
    assert.throws(() => softmax(device.zeros(shape, dtype)), { name: "RangeError", message });
  refuses([], "Cannot apply softmax: x must have at least 1 axes, got shape []");
  refuses([2], "Cannot apply softmax: x must hold f32, got i32", "i32");
  refuses(
    [2, 20001],
    "Cannot apply softmax to [2, 20001]: rows may hold at most 20000 elements, got 20001; logSoftmax takes 65536",
  );
});
