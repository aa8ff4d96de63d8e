import assert from "node:assert/strict";
import { imageStatistics } from "../../src/ops/image_statistics.ts";
import {
  calibratedStatistics,
  calibrateQuality,
  type QualityCalibration,
  quantileLevels,
} from "../../src/rewards/quality_calibration.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

/** Levels of pictures whose strength differs. */
function levels(count: number, size: number): Uint8Array {
  const random = seededRandom(3);
  return Uint8Array.from({ length: count * size }, (_, i) => random() * (50 + 200 * Math.floor(i / size) / count));
}

Deno.test("calibrateQuality: quantiles of every statistic, batch by batch, in JSON", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // 12,288 values a picture: two batches of 85 and 16 pictures.
  const shape = [3, 64, 64] as const, count = 101, images = levels(count, 3 * 64 * 64);
  const calibration = await calibrateQuality(device, images, shape);
  const all = imageStatistics(device.tensor(Float32Array.from(images, (v) => v / 255), [count, ...shape]), "inside");
  assert.deepEqual(calibration.shape, shape);
  for (const name of calibratedStatistics) {
    const sorted = (await all[name].data()).toSorted();
    // Of 101 values each hundredth is a value itself.
    assertAllClose(calibration[name], quantileLevels.map((level) => sorted[level * 100]!), 1e-6, name);
    assert.ok(calibration[name][0] < calibration[name][3]);
  }
  assert.deepEqual(JSON.parse(JSON.stringify(calibration)) as QualityCalibration, calibration);
});

Deno.test("calibrateQuality refuses parts of pictures and too few of them", async () => {
  const device = await testDevice();
  for (const values of [100 * 64 + 1, 99 * 64]) {
    await assert.rejects(calibrateQuality(device, new Uint8Array(values), [1, 8, 8]), {
      name: "RangeError",
      message: "Cannot calibrate quality: wanted at least 100 whole pictures of shape [1, 8, 8], " +
        `got ${values} values`,
    });
  }
});
