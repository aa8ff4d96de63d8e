import assert from "node:assert/strict";
import { permute, permuteOp } from "../../src/ops/permute.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

function moved(x: Ref, order: readonly number[]): Ref {
  return Ref.from(order.map((axis) => x.shape[axis]!), (index) => {
    const from = new Array<number>(order.length);
    order.forEach((axis, k) => from[axis] = index[k]!);
    return x.at(...from);
  });
}

const cases: [number[], number[]][] = [
  [[1], [0]],
  [[7], [0]],
  [[3, 5], [1, 0]],
  [[64, 33], [1, 0]],
  [[2, 3, 4], [0, 1, 2]],
  [[2, 5, 3, 8], [0, 2, 1, 3]],
  [[2, 5, 3, 7], [0, 2, 1, 3]],
  [[2, 5, 1, 8], [0, 3, 1, 2]],
  [[2, 3, 2, 3, 2, 4], [5, 3, 1, 4, 2, 0]],
  [[2, 3, 4, 5, 2, 3, 2], [4, 5, 6, 2, 3, 0, 1]],
];

checkOp(permuteOp, {
  reference: {
    forward: ([x], { order }) => moved(x!, order),
    backward: (_inputs, _outputs, [dy], { order }) => [moved(dy!, order.map((_, axis) => order.indexOf(axis)))],
  },
  cases: cases.map(([shape, order]) => ({ shapes: [shape], attributes: { order }, note: `to [${order}]` })),
});

Deno.test("permute takes negative axes and integers", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = permute(device.tensor(Int32Array.of(1, -2, 3, 4, 5, 6), [2, 3]), [-1, 0]);
  assert.equal(y.dtype, "i32");
  assert.deepEqual(y.shape, [3, 2]);
  assert.deepEqual([...await y.data()], [1, 4, -2, 5, 3, 6]);
});

Deno.test("permute refuses what is no order of the axes", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([2, 3]);
  assert.throws(() => permute(x, [1, 1]), {
    name: "RangeError",
    message: "Cannot permute [2, 3] to order [1, 1]: name every axis exactly once",
  });
  assert.throws(() => permute(x, [0]), {
    message: "Cannot apply permute: x must have 1 axes, got shape [2, 3]",
  });
  assert.throws(() => permute(x, [0, 2]), {
    message: "Cannot apply permute: axis 2 is out of range for shape [2, 3]; use -2 to 1",
  });
  assert.throws(() => permute(device.zeros([2, 2, 2, 2, 2, 2, 2]), [6, 5, 4, 3, 2, 1, 0]), {
    message: "Cannot permute [2, 2, 2, 2, 2, 2, 2] to order [6, 5, 4, 3, 2, 1, 0]: at most 6 groups of axes can " +
      "move, got 7; reshape to fewer axes",
  });
});
