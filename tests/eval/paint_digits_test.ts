import assert from "node:assert/strict";
import { balancedLabels, paintDigits } from "../../src/eval/paint_digits.ts";
import { tinyGenerator } from "../rl/tiny_generator.ts";
import { testDevice } from "../support/device.ts";

Deno.test("balancedLabels: the classes in turn", () => {
  assert.deepEqual([...balancedLabels(7, [4, 9, 1])], [4, 9, 1, 4, 9, 1, 4]);
  assert.deepEqual([...balancedLabels(2, [7])], [7, 7]);
});

Deno.test("paintDigits: a picture depends on seed, number and class only, across batches; nothing is left", async () => {
  const device = await testDevice();
  const model = tinyGenerator(device);
  const options = { seed: 4, temperature: 1 };
  const labels = balancedLabels(260, [0, 1, 2]);
  const { liveBytes } = device.gpu.pool.counters;
  const many = await paintDigits(device, model, labels, options);
  assert.equal(device.gpu.pool.counters.liveBytes, liveBytes);
  assert.equal(many.labels, labels);
  const few = await paintDigits(device, model, labels.subarray(0, 20), options);
  assert.deepEqual(few.images, many.images.subarray(0, 20 * 16));
  const rows = Array.from({ length: 260 }, (_, n) => many.images.subarray(n * 16, n * 16 + 16).join());
  assert.ok(new Set(rows).size > 250, "the second batch repeats the first");
  const other = await paintDigits(device, model, labels.subarray(0, 20), { ...options, seed: 5 });
  assert.notDeepEqual(other.images, few.images);
});

Deno.test("paintDigits: bytes span black to white", async () => {
  const device = await testDevice();
  const { images } = await paintDigits(device, tinyGenerator(device), balancedLabels(60, [0, 1, 2]), {
    seed: 1,
    temperature: 1,
  });
  const bytes = [...new Set(images)].sort((a, b) => a - b);
  assert.deepEqual(bytes, [0, 36, 73, 109, 146, 182, 219, 255]);
});
