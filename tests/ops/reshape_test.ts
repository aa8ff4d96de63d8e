import assert from "node:assert/strict";
import { mul } from "../../src/ops/elementwise_binary.ts";
import { sum } from "../../src/ops/reduce.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { testDevice } from "../support/device.ts";

Deno.test("reshape keeps the elements and hands the gradient back in the old shape", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  x.requiresGrad = true;
  const y = reshape(x, [3, 1, 2]);
  assert.deepEqual(y.shape, [3, 1, 2]);
  assert.deepEqual([...await y.data()], [1, 2, 3, 4, 5, 6]);
  const weights = device.tensor([1, 10, 100], [3, 1, 1]);
  const [dx] = gradients(sum(mul(y, weights)), [x]);
  assert.deepEqual(dx!.shape, [2, 3]);
  assert.deepEqual([...await dx!.data()], [1, 1, 10, 10, 100, 100]);
});

Deno.test("reshape leaves no trace where no gradient is wanted", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = reshape(device.zeros([4], "i32"), [2, 2]);
  assert.equal(y.node, null);
  assert.equal(y.dtype, "i32");
});

Deno.test("reshape refuses another number of elements", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => reshape(device.zeros([2, 3]), [4]), {
    name: "RangeError",
    message: "Cannot reshape [2, 3] to [4]: 6 elements needed",
  });
});
