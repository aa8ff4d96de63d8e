import assert from "node:assert/strict";
import { entropy, entropyOp } from "../../src/ops/entropy.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

function logSoftmax(row: Float64Array): Float64Array {
  const m = row.reduce((a, b) => Math.max(a, b));
  const lse = m + Math.log(row.reduce((sum, v) => sum + Math.exp(v - m), 0));
  return row.map((v) => v - lse);
}

const entropyOf = (row: Float64Array) => logSoftmax(row).reduce((h, lp) => h - Math.exp(lp) * lp, 0);

checkOp(entropyOp, {
  reference: {
    forward: ([x]) => {
      const cols = x!.shape.at(-1)!;
      return new Ref(
        x!.shape.slice(0, -1),
        Array.from({ length: x!.data.length / cols }, (_, n) => entropyOf(x!.data.subarray(n * cols, (n + 1) * cols))),
      );
    },
    backward: ([x], _outputs, [dh]) => {
      let n = 0;
      return [x!.mapRows((row) => {
        const h = entropyOf(row), scale = dh!.data[n++]!;
        return logSoftmax(row).map((lp) => -Math.exp(lp) * (lp + h) * scale);
      })];
    },
  },
  cases: [
    { shapes: [[1, 1]] },
    { shapes: [[5]], note: "one row" },
    { shapes: [[3, 7]] },
    { shapes: [[2, 3, 11]] },
    { shapes: [[33, 256]] },
    { shapes: [[1, 65536]], note: "longest row" },
    { shapes: [[2, 3]], values: [[0, -80, 80, 500, 500, 500]], note: "extremes" },
  ],
});

Deno.test("entropy gives masked classes nothing and shows NaN", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const lowest = -3.402823e38;
  const logits = device.tensor([2, lowest, 2, -Infinity, 0, 0, NaN, 1, lowest, lowest, lowest, 7], [3, 4]);
  assertAllClose(await entropy(logits).data(), [Math.LN2, NaN, 0], 1e-6);
});

Deno.test("entropy refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (logits: Tensor, message: string) =>
    assert.throws(() => entropy(logits), { name: "RangeError", message: `Cannot apply entropy: ${message}` });
  refuses(device.zeros([2], "i32"), "logits must hold f32, got i32");
  refuses(device.zeros([]), "logits must have at least 1 axes, got shape []");
  refuses(device.zeros([1, 65537]), "rows may hold at most 65536 logits, got 65537");
});
