import assert from "node:assert/strict";
import { SwiGlu, swigluWidth } from "../../src/models/swiglu.ts";
import { Initializer } from "../../src/nn/init.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

Deno.test("swigluWidth: two thirds of four times the width, rounded down, then up to the multiple", () => {
  const published = [[768, 2048], [1024, 2816], [1280, 3584], [1536, 4096]] as const;
  for (const [dim, width] of published) assert.equal(swigluWidth(dim, 256), width);
  assert.deepEqual([1, 4, 8].map((multiple) => swigluWidth(10, multiple)), [26, 28, 32]);
  assert.equal(swigluWidth(12, 32), 32, "a multiple already");
});

Deno.test("SwiGlu: w2(silu(w1 x) * w3 x) over any leading axes", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const dim = 5, width = 7;
  const layer = new SwiGlu(new Initializer(device, 3), dim, width);
  const [w1, w3, w2] = await device.read([...layer.parameters().values()]);
  const x = Float32Array.from({ length: 6 * dim }, (_, i) => 2 * Math.sin(i));
  const times = (weight: ArrayLike<number>, row: number[]) =>
    Array.from(
      { length: weight.length / row.length },
      (_, out) => row.reduce((sum, value, k) => sum + value * weight[out * row.length + k]!, 0),
    );
  const expected = Array.from({ length: 6 }, (_, n) => {
    const row = [...x.subarray(n * dim, (n + 1) * dim)], values = times(w3!, row);
    return times(w2!, times(w1!, row).map((z, f) => z / (1 + Math.exp(-z)) * values[f]!));
  });
  const found = layer.forward(device.tensor(x, [2, 3, dim]));
  assert.deepEqual(found.shape, [2, 3, dim]);
  assertAllClose(await found.data(), expected.flat(), 1e-6);
  const shapes = [...layer.parameters()].map(([name, { shape }]) => [name, shape]);
  assert.deepEqual(shapes, [["w1.weight", [7, 5]], ["w3.weight", [7, 5]], ["w2.weight", [5, 7]]]);
});
