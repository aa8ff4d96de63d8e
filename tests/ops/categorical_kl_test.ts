import assert from "node:assert/strict";
import { categoricalKl, categoricalKlOp } from "../../src/ops/categorical_kl.ts";
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

/** p_j and log p_j - log q_j of each class, and their divergence. */
function compare(x: Float64Array, y: Float64Array) {
  const q = logSoftmax(y), lp = logSoftmax(x);
  const p = lp.map(Math.exp), gap = lp.map((v, j) => v - q[j]!);
  return { p, gap, kl: p.reduce((sum, pj, j) => sum + (pj === 0 ? 0 : pj * gap[j]!), 0) };
}

checkOp(categoricalKlOp, {
  reference: {
    forward: ([x, y]) => {
      const kl: number[] = [];
      x!.zipRows(y!, (row, other) => {
        kl.push(compare(row, other).kl);
        return row;
      });
      return new Ref(x!.shape.slice(0, -1), kl);
    },
    backward: ([x, y], _outputs, [dkl]) => {
      let n = 0;
      const dx = x!.zipRows(y!, (row, other) => {
        const { p, gap, kl } = compare(row, other), scale = dkl!.data[n++]!;
        return p.map((pj, j) => pj * (gap[j]! - kl) * scale);
      });
      return [dx, null];
    },
  },
  cases: [
    { shapes: [[1, 1], [1, 1]] },
    { shapes: [[5], [5]], note: "one row" },
    { shapes: [[3, 7], [3, 7]] },
    { shapes: [[2, 3, 11], [2, 3, 11]] },
    { shapes: [[33, 256], [33, 256]] },
    { shapes: [[1, 65536], [1, 65536]], note: "longest row" },
    { shapes: [[2, 3], [2, 3]], values: [[0, -80, 80, 500, 500, 500], [80, 0, -80, 500, 500, 499]], note: "extremes" },
  ],
});

Deno.test("categorical_kl of equal logits is 0 to the bit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor(Float32Array.from({ length: 1003 }, (_, i) => 3 * Math.sin(i * i)), [17, 59]);
  assert.deepEqual([...await categoricalKl(x, x).data()], new Array(17).fill(0));
});

Deno.test("categorical_kl: masked classes count nothing, impossible ones make it infinite, NaN shows", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const lowest = -3.402823e38;
  const x = device.tensor([2, 2, lowest, 1, 1, -Infinity, 1, 1, 1, 1, NaN, 1], [4, 3]);
  const y = device.tensor([7, 7, lowest, 0, 0, -Infinity, 1, 1, -Infinity, 1, 1, 1], [4, 3]);
  assertAllClose(await categoricalKl(x, y).data(), [0, 0, Infinity, NaN], 1e-6);
});

Deno.test("categorical_kl refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (x: Tensor, y: Tensor, message: string) =>
    assert.throws(() => categoricalKl(x, y), {
      name: "RangeError",
      message: `Cannot apply categorical_kl: ${message}`,
    });
  const x = device.zeros([2, 3]);
  refuses(x, device.zeros([3]), "reference must have shape [2, 3], got [3]");
  refuses(device.zeros([2, 3], "i32"), x, "logits must hold f32, got i32");
  refuses(x, device.zeros([2, 3], "i32"), "reference must hold f32, got i32");
  refuses(device.zeros([]), device.zeros([]), "logits must have at least 1 axes, got shape []");
  const wide = device.zeros([1, 65537]);
  refuses(wide, wide, "rows may hold at most 65536 logits, got 65537");
});
