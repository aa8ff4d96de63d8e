import assert from "node:assert/strict";
import { level, partial, planReduce, type ReduceAttributes } from "../../src/ops/reduce_plan.ts";
import { testDevice } from "../support/device.ts";

const sumOver = (...axes: number[]): ReduceAttributes => ({ function: "sum", axes, keepDims: false });

Deno.test("planReduce: where the elements of an output lie, neighbouring axes merged", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const plan = planReduce(device.zeros([2, 3, 4, 5]), sumOver(0, -1));
  assert.deepEqual([plan.shape, plan.kept, plan.count, plan.outputs], [[3, 4], [1, 3, 4, 1], 10, 12]);
  assert.deepEqual(plan.outer, [{ size: 12, stride: 5 }]);
  assert.deepEqual(plan.inner, [{ size: 2, stride: 60 }, { size: 5, stride: 1 }]);
});

Deno.test("level: sums of contiguous fours go through memory as vectors, along rows or columns", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const accessOf = (...axes: number[]) => level(planReduce(device.zeros([8, 12]), sumOver(...axes)), 1).access;
  assert.deepEqual([accessOf(1), accessOf(0)], ["sum_rows", "sum_columns"]);
  assert.equal(level(planReduce(device.zeros([8, 11]), sumOver(1)), 1).access, "sum");
});

Deno.test("level: no lane loops more than 1,024 times, and parts lead to one result in the end", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const count of [1, 1024, 1025, 70_000, 1_000_000, 30_000_000]) {
    let elements = partial(3, count), levels = 0;
    for (;;) {
      const { parts, launch: { params } } = level(elements, 1);
      assert.ok(Number(params.part) <= 1024, `${count}: part of ${params.part}`);
      assert.ok(parts * Number(params.part) >= Number(params.elements));
      levels++;
      if (parts === 1) break;
      elements = partial(3, parts);
    }
    assert.ok(levels <= 3, `${count}: ${levels} levels`);
  }
});
