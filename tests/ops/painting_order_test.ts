import assert from "node:assert/strict";
import { paintingOrder, paintingOrderOp } from "../../src/ops/painting_order.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** The steps of a row of the reference, sorted as an array of cells. */
function sorted(painted: Ref, b: number) {
  const steps = Array.from({ length: painted.shape[1]! }, (_, i) => painted.at(b, i));
  const order = [...steps.keys()].sort((i, j) => steps[i]! - steps[j]! || i - j);
  return { steps, order, known: steps.filter((step) => step < 0).length };
}

checkOp(paintingOrderOp, {
  reference: {
    forward([painted]) {
      const rows = Array.from({ length: painted!.shape[0]! }, (_, b) => sorted(painted!, b));
      const step = (b: number, i: number) => rows[b]!.steps[rows[b]!.order[i]!]!;
      const of = (value: (b: number, i: number) => number) => Ref.from(painted!.shape, ([b, i]) => value(b!, i!));
      return [
        of((b, i) => rows[b]!.order[i]!),
        of((b, i) => step(b, i) < 0 ? i : rows[b]!.known + step(b, i)),
        of((b, i) => rows[b]!.steps.filter((other) => other <= step(b, i)).length / painted!.shape[1]!),
        of((b, i) => step(b, i) < 0 ? 0 : 1),
      ];
    },
  },
  integers: [0],
  cases: [
    { shapes: [[1, 1]], values: [[0]] },
    { shapes: [[1, 1]], values: [[-1]], note: "known" },
    { shapes: [[2, 5]], values: [[2, 0, 2, 1, 0, -1, 3, 0, -1, 0]] },
    { shapes: [[3, 67]], values: [Array.from({ length: 201 }, (_, i) => (i * i * 7) % 9 - 1)] },
    { shapes: [[2, 4]], values: [new Array(8).fill(-1)], note: "all known" },
  ],
});

Deno.test("painting_order refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => paintingOrder(device.zeros([2, 3])), {
    name: "RangeError",
    message: /painted must hold i32, got f32/,
  });
  assert.throws(() => paintingOrder(device.zeros([3], "i32")), {
    name: "RangeError",
    message: /painted must have 2 axes/,
  });
  assert.throws(() => paintingOrder(device.zeros([1, 65536], "i32")), {
    name: "RangeError",
    message: "Cannot apply painting_order: wanted at most 65535 cells, got 65536",
  });
});
