import assert from "node:assert/strict";
import { FrozenLinear } from "../../src/models/frozen_linear.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const tables = { "this adapter's": {}, plain: { matmul: "plain" }, block64: { matmul: "block64" } } as const;
const shapes: readonly (readonly [lead: readonly number[], inputs: number, outputs: number])[] = [
  [[1], 4, 4],
  [[2, 13], 36, 68],
  [[70], 20, 128],
  [[2, 3, 2], 128, 12],
];

for (const [name, table] of Object.entries(tables)) {
  Deno.test(`FrozenLinear: sums of float16 weights and float32 rows, as in float64: ${name} kernels`, async () => {
    const device = await deviceWith(table), random = seededRandom(3);
    using _scope = device.scope();
    const draw = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
    for (const [lead, inputs, outputs] of shapes) {
      const rows = lead.reduce((a, b) => a * b), x = draw(rows * inputs), w = draw(outputs * inputs), b = draw(outputs);
      const layer = new FrozenLinear(device, inputs, outputs);
      layer.bias.write(b);
      layer.load(w);
      const y = layer.forward(device.tensor(x, [...lead, inputs]));
      assert.deepEqual(y.shape, [...lead, outputs]);
      const wanted = Array.from({ length: rows * outputs }, (_, i) => {
        const r = Math.floor(i / outputs), o = i % outputs;
        let sum = b[o]!;
        for (let k = 0; k < inputs; k++) sum += x[r * inputs + k]! * Math.f16round(w[o * inputs + k]!);
        return sum;
      });
      assertAllClose(await y.data(), wanted, 1e-5, `${lead} of ${inputs} to ${outputs}`);
      layer.dispose();
    }
  });
}

Deno.test("FrozenLinear: numbers beyond float16 stay what they are, small ones too", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const layer = new FrozenLinear(device, 4, 4), { counters } = device.gpu.pool;
  layer.bias.write(new Float32Array(4));
  const weight = Float32Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0);
  layer.load(weight);
  const before = counters.liveBytes;
  for (const value of [65519, 65520, -1e30]) {
    using _scope = device.scope();
    layer.load(weight.with(0, value));
    const [large, small] = await layer.forward(device.tensor([1, 1 + 2 ** -20, 0, 0], [1, 4])).data();
    assert.deepEqual([large, small], [value === 65519 ? 65504 : Math.fround(value), 1 + 2 ** -20]);
  }
  assert.equal(counters.liveBytes - before, 8 * 1024, "a row of a texture of float32");
  layer.load(weight);
  assert.equal(counters.liveBytes, before, "the weight before it is given back");
  layer.dispose();
});

Deno.test("FrozenLinear: no memory but the result stays, and rows of another width are refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const layer = new FrozenLinear(device, 64, 256), { counters } = device.gpu.pool;
  layer.load(new Float32Array(64 * 256));
  const x = device.zeros([64, 64]), before = counters.liveBytes;
  const y = layer.forward(x);
  assert.equal(counters.liveBytes - before, 4 * y.size);
  assert.throws(() => layer.forward(device.zeros([2, 8])), {
    name: "RangeError",
    message: "Cannot apply a frozen linear layer: x must have shape [2, 64], got [2, 8]",
  });
});
