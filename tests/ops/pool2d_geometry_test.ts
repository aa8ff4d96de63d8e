import assert from "node:assert/strict";
import { type Pool2dOptions, poolGeometry } from "../../src/ops/pool2d_geometry.ts";
import { testDevice } from "../support/device.ts";

Deno.test("poolGeometry: a rest that fills no window is dropped, padding adds to both sides", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const shape = (options: Pool2dOptions) => poolGeometry("max_pool2d", device.zeros([2, 3, 7, 8]), options).shape;
  assert.deepEqual(shape({}), [2, 3, 3, 4], "windows of 2 side by side");
  assert.deepEqual(shape({ kernel: 3, stride: 2 }), [2, 3, 3, 3]);
  assert.deepEqual(shape({ kernel: 3, stride: 1, padding: 1 }), [2, 3, 7, 8]);
  assert.deepEqual(shape({ kernel: 7 }), [2, 3, 1, 1]);
});
