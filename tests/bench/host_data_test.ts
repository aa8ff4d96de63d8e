import assert from "node:assert/strict";
import { ids, inverseAxes, transposed, uniform } from "../../bench/host_data.ts";

Deno.test("uniform and ids: repeatable, in range, over all of it", () => {
  const { data, shape } = uniform(1, [20, 50], 3);
  assert.deepEqual(shape, [20, 50]);
  assert.deepEqual(data, uniform(1, [20, 50], 3).data);
  assert.notDeepEqual(data, uniform(2, [20, 50], 3).data);
  assert.ok(data.every((value) => value >= -3 && value < 3));
  assert.ok(Math.min(...data) < -2.9 && Math.max(...data) > 2.9);
  assert.deepEqual(new Set(ids(1, [200], 3).data), new Set([0, 1, 2]));
});

Deno.test("transposed: axes in the order given, and back", () => {
  const tensor = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  assert.deepEqual(transposed(tensor, [1, 0]), { shape: [3, 2], data: Float32Array.of(1, 4, 2, 5, 3, 6) });
  const large = uniform(1, [2, 3, 4, 5]), axes = [2, 0, 3, 1];
  const moved = transposed(large, axes);
  assert.deepEqual(moved.shape, [4, 2, 5, 3]);
  assert.equal(moved.data[((1 * 2 + 1) * 5 + 3) * 3 + 2], large.data[((1 * 3 + 2) * 4 + 1) * 5 + 3]);
  assert.deepEqual(transposed(moved, inverseAxes(axes)), large);
});
