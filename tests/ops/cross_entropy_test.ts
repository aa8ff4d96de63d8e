import assert from "node:assert/strict";
import { crossEntropy, crossEntropyOp } from "../../src/ops/cross_entropy.ts";
import { checkOp } from "../support/check_op.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

function logSumExp(row: Float64Array): number {
  const m = row.reduce((a, b) => Math.max(a, b));
  return m + Math.log(row.reduce((sum, v) => sum + Math.exp(v - m), 0));
}

const targetsOf = (count: number, vocab: number) => Array.from({ length: count }, (_, n) => (n * 7919 + 3) % vocab);

for (const rows of ["plain", "block"] as const) {
  checkOp(crossEntropyOp, {
    table: { rows },
    reference: {
      forward: ([x, targets]) => {
        const cols = x!.shape[x!.shape.length - 1]!;
        return targets!.map((target, n) => {
          const row = x!.data.subarray(n * cols, (n + 1) * cols);
          return target < 0 || target >= cols ? 0 : logSumExp(row) - row[target]!;
        });
      },
      backward: ([x, targets], _outputs, [dloss]) => {
        const cols = x!.shape[x!.shape.length - 1]!;
        const dx = new Ref(x!.shape);
        targets!.data.forEach((target, n) => {
          if (target < 0 || target >= cols) return;
          const row = x!.data.subarray(n * cols, (n + 1) * cols), lse = logSumExp(row);
          row.forEach((v, j) => {
            dx.data[n * cols + j] = (Math.exp(v - lse) - (j === target ? 1 : 0)) * dloss!.data[n]!;
          });
        });
        return [dx, null];
      },
    },
    integers: [1],
    cases: [
      { shapes: [[1, 1], [1]], values: [, [0]] },
      { shapes: [[3, 7], [3]], values: [, targetsOf(3, 7)] },
      { shapes: [[5], []], values: [, [4]], note: "one row" },
      { shapes: [[2, 3, 11], [2, 3]], values: [, targetsOf(6, 11)] },
      { shapes: [[35, 268], [35]], values: [, [...targetsOf(33, 268), -1, 268]], note: "vec4, ignored targets" },
      { shapes: [[33, 266], [33]], values: [, targetsOf(33, 266)] },
      { shapes: [[4, 5], [4]], values: [, [-1, 5, 2, -100]], note: "ignored targets" },
      { shapes: [[2, 16385], [2]], values: [, [16384, 0]] },
      { shapes: [[1, 65536], [1]], values: [, [65535]], note: "longest row" },
      { shapes: [[2, 3], [2]], values: [[0, -80, 80, 500, 500, 500], [1, 2]], note: "extremes" },
    ],
  });
}

Deno.test("cross_entropy gives masked logits no probability", async () => {
  for (const rows of ["plain", "block"] as const) {
    const device = await deviceWith({ rows });
    using _scope = device.scope();
    const lowest = -3.4028234663852886e38;
    const logits = device.tensor([1, lowest, lowest, 2, 2, -Infinity], [2, 3]);
    const inVectors = device.tensor([...Array(4).fill(-Infinity), 1, lowest, -Infinity, 1, ...Array(8).fill(lowest)], [
      2,
      8,
    ]);
    assert.deepEqual(
      [...await crossEntropy(logits, device.tensor(Int32Array.of(0, 1))).data()],
      [0, Math.fround(Math.LN2)],
    );
    const [first, second] = await crossEntropy(inVectors, device.tensor(Int32Array.of(4, 1))).data();
    assert.deepEqual([first, second], [Math.fround(Math.LN2), 0], "ln 8 is lost beside the lowest float");
  }
});

Deno.test("cross_entropy lets NaN logits through to the loss", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const cols of [3, 8]) {
    const logits = device.tensor(Float32Array.from({ length: 2 * cols }, (_, i) => i ? i : NaN), [2, cols]);
    const [first, second] = await crossEntropy(logits, device.tensor(Int32Array.of(1, 1))).data();
    assert.ok(Number.isNaN(first) && Number.isFinite(second));
  }
});

Deno.test("cross_entropy refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const logits = device.zeros([2, 3]);
  assert.throws(() => crossEntropy(logits, device.zeros([3], "i32")), {
    name: "RangeError",
    message: "Cannot apply cross_entropy: targets must have shape [2], got [3]",
  });
  assert.throws(() => crossEntropy(logits, device.zeros([2])), {
    name: "RangeError",
    message: "Cannot apply cross_entropy: targets must be i32, got f32; make them from an Int32Array",
  });
  assert.throws(() => crossEntropy(device.zeros([2, 3], "i32"), device.zeros([2], "i32")), {
    name: "RangeError",
    message: "Cannot apply cross_entropy: logits must hold f32, got i32",
  });
  assert.throws(() => crossEntropy(device.zeros([1, 65537]), device.zeros([1], "i32")), {
    name: "RangeError",
    message: "Cannot apply cross_entropy: rows may hold at most 65536 logits, got 65537",
  });
});
