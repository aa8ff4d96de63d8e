import assert from "node:assert/strict";
import { mergeAxes, planBroadcast } from "../../src/ops/broadcast.ts";

Deno.test("planBroadcast: equal shapes are one axis of vectors, whatever their rank", () => {
  const plan = planBroadcast("add", [[2, 3, 5], [2, 3, 5]]);
  assert.deepEqual([plan.axes, plan.vector, plan.n, plan.row], [0, true, 8, 30]);
  assert.deepEqual(plan.operands.map(({ step }) => step), [1, 1]);
});

Deno.test("planBroadcast: strides of what is repeated are 0", () => {
  const plan = planBroadcast("add", [[4, 3, 8], [3, 1]]);
  assert.deepEqual([plan.shape, plan.axes, plan.width], [[4, 3, 8], 2, 2]);
  assert.deepEqual(plan.operands.map(({ step }) => step), [1, 0]);
  const walks = plan.operands.map(({ walk: { first, strides } }) => [first, strides.at(-1)]);
  assert.deepEqual(walks, [[24, 8], [0, 1]], "outermost axis, then the one inside it");
  assert.equal(planBroadcast("add", [[4, 3, 7], [3, 1]]).vector, false, "rows of 7 take no vectors of 4");
});

Deno.test("mergeAxes: neighbours that move alike become one, sizes of 1 vanish", () => {
  const merged = mergeAxes([2, 1, 3, 5], [[true, true, true, false]]);
  assert.deepEqual(merged, [{ size: 6, moves: [true] }, { size: 5, moves: [false] }]);
});

Deno.test("planBroadcast refuses more alternating axes than a kernel walks", () => {
  assert.throws(() => planBroadcast("add", [[2, 2, 2, 2, 2, 2, 2], [2, 1, 2, 1, 2, 1, 2]]), {
    name: "RangeError",
    message: /^Cannot add \[2, 2, .*\]: at most 6 alternating axes can be broadcast, got 7; reshape to fewer axes$/,
  });
});
