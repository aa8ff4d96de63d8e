import assert from "node:assert/strict";
import { CommandList } from "../../src/gpu/command_list.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { affine } from "./kernels.ts";

/** A list with y = x as its dispatch, for tests of the order alone. */
async function listOn() {
  const device = await testDevice();
  const kernel = device.gpu.kernels.kernel(affine, "forward", "rw");
  const list = new CommandList();
  return {
    device,
    list,
    dispatch(x: Tensor, y: Tensor) {
      const memory = [x.storage.pooled, y.storage.pooled];
      const group = device.gpu.kernels.bindGroup(kernel, memory);
      list.dispatch({ kernel, group, offset: 0, grid: [1, 1, 1], cost: undefined }, memory);
    },
    copy: (from: Tensor, to: Tensor) => list.copy(from.storage.pooled, to.storage.pooled, from.size * 4),
    counts: () => list.passes.map(({ copies, dispatches }) => [copies.length, dispatches.length]),
  };
}

Deno.test("copies of what a pass has not written come before it", async () => {
  const { device, list, dispatch, copy, counts } = await listOn();
  using _scope = device.scope();
  const [x, y, z] = [device.empty([4]), device.empty([4]), device.empty([4])];
  const [s, t] = [device.empty([4], "f32", "s", "texture"), device.empty([4], "f32", "t", "texture")];
  dispatch(x, y);
  copy(x, s);
  copy(z, t);
  dispatch(y, z);
  assert.deepEqual(counts(), [[2, 2]]);
  copy(z, s); // written meanwhile
  dispatch(x, y);
  copy(x, t);
  assert.deepEqual(counts(), [[2, 2], [2, 1]]);
  copy(y, t);
  assert.deepEqual(counts(), [[2, 2], [2, 1], [1, 0]]);
  assert.equal(list.length, 8);
});

Deno.test("a copy stays behind the dispatches that use what its target held before", async () => {
  const { device, list, copy, counts } = await listOn();
  using _scope = device.scope();
  const x = device.empty([4]), t = device.empty([4], "f32", "t", "texture");
  const kernel = device.gpu.kernels.kernel(affine, "forward", "rw");
  const group = device.gpu.kernels.bindGroup(kernel, [x.storage.pooled, device.empty([4]).storage.pooled]);
  const reader = { ...kernel, bindings: "tw" };
  copy(x, t);
  list.dispatch({ kernel: reader, group, offset: 0, grid: [1, 1, 1], cost: undefined }, [t.storage.pooled]);
  copy(x, t);
  assert.deepEqual(counts(), [[1, 1], [1, 0]]);
});
