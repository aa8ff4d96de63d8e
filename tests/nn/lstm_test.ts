import assert from "node:assert/strict";
import { Initializer } from "../../src/nn/init.ts";
import { Lstm } from "../../src/nn/lstm.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

Deno.test("Lstm: PyTorch's names, shapes and first values", async () => {
  const device = await testDevice();
  const parameters = new Lstm(new Initializer(device, 1), 3, 16, 2).parameters();
  assert.deepEqual([...parameters].map(([name, { shape }]) => [name, shape]), [
    ["weight_ih_l0", [64, 3]],
    ["weight_hh_l0", [64, 16]],
    ["bias_ih_l0", [64]],
    ["bias_hh_l0", [64]],
    ["weight_ih_l1", [64, 16]],
    ["weight_hh_l1", [64, 16]],
    ["bias_ih_l1", [64]],
    ["bias_hh_l1", [64]],
  ]);
  for (const [name, tensor] of parameters) {
    const largest = Math.max(...(await tensor.data()).map(Math.abs));
    assert.ok(largest < 0.25 && largest > 0.23, `${name}: ${largest} for a bound of 1 / 4`);
  }
});

for (const hidden of [5, 16]) {
  Deno.test(`Lstm: frozen layers give what the parameters give, hidden ${hidden}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const layer = new Lstm(new Initializer(device, 1), hidden, hidden, 2);
    const random = seededRandom(2);
    const x = device.tensor(Float32Array.from({ length: 3 * 4 * hidden }, () => random() - 0.5), [3, 4, hidden]);
    const whole = layer.forward(x);
    const frozen = device.noGrad(() => layer.forward(x, undefined, layer.frozenLayers()));
    assertAllClose(await frozen.y.data(), await whole.y.data(), 1e-6);
    const again = layer.forward(x, whole.state);
    assert.notDeepEqual(await again.y.data(), await whole.y.data(), "the state goes in");
  });
}
