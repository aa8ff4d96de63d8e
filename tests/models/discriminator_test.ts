import assert from "node:assert/strict";
import { Discriminator } from "../../src/models/discriminator.ts";
import { Initializer } from "../../src/nn/init.ts";
import { testDevice } from "../support/device.ts";

Deno.test("Discriminator: one logit an image, of any size, that depends on the class", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const layers: number[][] = [];
  for (const [channels, size] of [[1, 4], [1, 8], [3, 12], [1, 28], [3, 36]] as const) {
    const network = new Discriminator(new Initializer(device, 1), { channels, size, classes: 3 });
    layers.push([network.convolutions.length, network.hidden.weight.shape[1]!]);
    const image = Float32Array.from({ length: channels * size ** 2 }, (_, i) => i % 7 / 7);
    const images = device.tensor(Float32Array.from([...image, ...image]), [2, channels, size, size]);
    const classes = device.tensor(Int32Array.of(0, 2));
    assert.deepEqual(await network.logits(images, classes).data(), new Float32Array(2), "equally real at first");
    network.head.bias.write(Float32Array.of(1));
    network.projection.weight.write(Float32Array.from({ length: 384 }, (_, i) => i < 256 ? 0 : 1));
    const [a, b] = await network.logits(images, classes).data();
    assert.equal(a, 1);
    assert.ok(Number.isFinite(b) && b !== 1, `${b} at ${size}`);
  }
  // Maps of 1x1, 2x2, 3x3, 4x4 and 3x3.
  assert.deepEqual(layers, [[2, 64], [2, 256], [2, 576], [3, 1024], [4, 576]]);
});

Deno.test("Discriminator refuses sizes that are no multiple of 4", async () => {
  const device = await testDevice();
  assert.throws(() => new Discriminator(new Initializer(device, 1), { channels: 1, size: 6, classes: 2 }), {
    name: "RangeError",
    message: "Cannot make a discriminator of 6x6 pixels: wanted a multiple of 4",
  });
});
