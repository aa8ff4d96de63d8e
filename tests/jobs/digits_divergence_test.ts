import assert from "node:assert/strict";
import { paintDigits } from "../../src/eval/paint_digits.ts";
import { divergence, randomPixels } from "../../src/jobs/digits_divergence.ts";
import { RolloutRows } from "../../src/rl/pixel_rollout.ts";
import { tinyGenerator } from "../rl/tiny_generator.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const labels = Uint8Array.from({ length: 101 }, (_, i) => i % 3);

Deno.test("randomPixels: independent uniform bytes, the same for the same seed", () => {
  const { images } = randomPixels(labels, 16, 3);
  assert.deepEqual(randomPixels(labels, 16, 3).images, images);
  assert.notDeepEqual(randomPixels(labels, 16, 4).images, images);
  const mean = images.reduce((sum, byte) => sum + byte, 0) / images.length;
  assert.ok(Math.abs(mean - 127.5) < 8 && new Set(images).size > 240, `mean ${mean}`);
});

Deno.test("divergence: none of a model from itself; that of uniform pixels is what the host computes", async () => {
  const device = await testDevice();
  const model = tinyGenerator(device, {}, 1);
  const painted = await paintDigits(device, model, labels, { seed: 1, temperature: 1 });
  assertAllClose([await divergence(device, model, model, painted)], [0], 1e-6);

  // KL(uniform || q) = -log V - 1/V sum_v log q_v at every pixel, here on the host.
  using _scope = device.scope();
  const rows = new RolloutRows(device, model, [...labels]);
  const tokens = device.tensor(Int32Array.from(painted.images, (byte) => Math.round(byte * 7 / 255)), [101, 16]);
  const logits = await rows.logits(model, tokens, 1).data();
  let expected = -Math.log(8);
  for (let at = 0; at < logits.length; at += 8) {
    const row = [...logits.subarray(at, at + 8)];
    const logSum = Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0));
    expected += row.reduce((sum, z) => sum + logSum - z, 0) / logits.length;
  }
  assert.ok(expected > 0.1);
  assertAllClose([await divergence(device, null, model, painted)], [expected], 1e-5);
});
