import assert from "node:assert/strict";
import { clamp, clampOp } from "../../src/ops/clamp.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";

checkOp(clampOp, {
  reference: {
    forward: ([x], { low, high }) => x!.map((v) => Math.min(Math.max(v, low), high)),
    backward: ([x], _outputs, [dy], { low, high }) => [
      dy!.map((d, i) => x!.data[i]! >= low && x!.data[i]! <= high ? d : 0),
    ],
  },
  cases: [
    { shapes: [[1]], attributes: { low: -1, high: 1 } },
    { shapes: [[7]], attributes: { low: -Infinity, high: 0.5 }, note: "open below" },
    { shapes: [[3, 43]], attributes: { low: 0.8, high: 1.2 } },
    { shapes: [[2, 4, 32]], attributes: { low: -0.5, high: Infinity }, note: "open above" },
  ],
});

Deno.test("clamp of infinities, NaN and its own bounds", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([-Infinity, Infinity, NaN, -1, 1]);
  const y = clamp(x, -1, 1);
  assert.deepEqual([...await y.data()], [-1, 1, NaN, -1, 1]);
  const one = device.tensor([1]);
  one.requiresGrad = true;
  assert.deepEqual([...await gradients(clamp(one, -1, 1), [one])[0]!.data()], [1]);
});

Deno.test("clamp refuses crossed bounds and integers", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => clamp(device.zeros([2]), 1, 0), {
    name: "RangeError",
    message: "Cannot clamp to [1, 0]: the lower bound must not exceed the upper one",
  });
  assert.throws(() => clamp(device.zeros([2], "u32"), 0, 1), {
    message: "Cannot apply clamp: x must hold f32, got u32",
  });
});
