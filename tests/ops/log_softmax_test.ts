import assert from "node:assert/strict";
import { logSoftmax, logSoftmaxOp } from "../../src/ops/log_softmax.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";

for (const rows of ["plain", "block"] as const) {
  checkOp(logSoftmaxOp, {
    table: { rows },
    reference: {
      forward: ([x]) =>
        x!.mapRows((row) => {
          const m = row.reduce((a, b) => Math.max(a, b));
          const lse = m + Math.log(row.reduce((sum, v) => sum + Math.exp(v - m), 0));
          return row.map((v) => v - lse);
        }),
      backward: (_inputs, [y], [dy]) => [
        y!.zipRows(dy!, (yr, dr) => {
          const sum = dr.reduce((a, b) => a + b, 0);
          return yr.map((v, i) => dr[i]! - Math.exp(v) * sum);
        }),
      ],
    },
    cases: [
      { shapes: [[1]] },
      { shapes: [[3, 7]] },
      { shapes: [[2, 3, 64]] },
      { shapes: [[33, 266]] },
      { shapes: [[33, 268]], note: "vec4" },
      { shapes: [[2, 16385]] },
      { shapes: [[2, 3]], values: [[0, -80, 80, 500, 500, 500]], note: "extremes" },
    ],
  });
}

Deno.test("log_softmax sums the longest row whole", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([65536]);
  x.requiresGrad = true;
  const y = logSoftmax(x);
  assertAllClose(await y.data(), new Float32Array(65536).fill(-16 * Math.LN2), 1e-6);
  const dy = device.full([65536], 2);
  const [dx] = y.node!.backward([dy], [true]);
  assertAllClose(await dx!.data(), new Float32Array(65536), 1e-6);
});

Deno.test("log_softmax refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => logSoftmax(device.zeros([])), {
    name: "RangeError",
    message: "Cannot apply log_softmax: x must have at least 1 axes, got shape []",
  });
  assert.throws(() => logSoftmax(device.zeros([2], "i32")), {
    name: "RangeError",
    message: "Cannot apply log_softmax: x must hold f32, got i32",
  });
  assert.throws(() => logSoftmax(device.zeros([65537])), {
    name: "RangeError",
    message: "Cannot apply log_softmax: rows may hold at most 65536 elements, got 65537",
  });
});
