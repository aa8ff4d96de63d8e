import assert from "node:assert/strict";
import { loadMnist, resizeDigits, selectDigits } from "../../src/data/digits.ts";
import { calibrateQuality, type QualityCalibration } from "../../src/rewards/quality_calibration.ts";
import { classicQuality, QualityReward } from "../../src/rewards/quality_reward.ts";
import type { Device } from "../../src/tensor/device.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

type Shape = readonly [channels: number, height: number, width: number];

/** Pictures from a function of the pixel and channel, `count` of them. */
function pictures(device: Device, shape: Shape, count: number, pixel: (i: number, j: number, c: number) => number) {
  const [channels, h, w] = shape;
  const value = (_: unknown, e: number) => pixel(Math.floor(e / w) % h, e % w, Math.floor(e / (h * w)) % channels);
  return device.tensor(Float32Array.from({ length: count * channels * h * w }, value), [count, ...shape]);
}

function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

/** Real digits: some to calibrate on, others to score. Every tenth, so that all classes are there. */
async function realDigits(size: number) {
  const all = await loadMnist();
  const pick = (first: number, count: number) =>
    resizeDigits(selectDigits(all, Array.from({ length: count }, (_, i) => first + 10 * i)), size).images;
  return { train: pick(0, 1000), test: pick(5, 400) };
}

/** Digits painted in one colour on another. */
function coloured(digits: Uint8Array, size: number, seed: number): Uint8Array {
  const random = seededRandom(seed), area = size * size, out = new Uint8Array(3 * digits.length);
  for (let n = 0; n < digits.length / area; n++) {
    for (let c = 0; c < 3; c++) {
      const [ink, paper] = [255 * random(), 255 * random()];
      for (let p = 0; p < area; p++) {
        out[(3 * n + c) * area + p] = paper + (ink - paper) * digits[n * area + p]! / 255;
      }
    }
  }
  return out;
}

for (const shape of [[1, 28, 28], [1, 8, 8], [3, 28, 28]] as const) {
  Deno.test(`QualityReward: calibrated on digits of shape [${shape}], real ones score high, junk low`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const [channels, size] = shape;
    let { train, test } = await realDigits(size);
    if (channels === 3) [train, test] = [coloured(train, size, 1), coloured(test, size, 2)];
    const reward = new QualityReward({
      form: "calibrated",
      calibration: await calibrateQuality(device, train, shape),
    });
    const score = async (pixel: (i: number, j: number, c: number) => number, count = 50) =>
      meanOf(await reward.score({ images: pictures(device, shape, count, pixel) }).data());
    const count = test.length / (channels * size * size);
    const real = device.tensor(Float32Array.from(test, (level) => level / 255), [count, ...shape]);
    const realScores = await reward.score({ images: real }).data();
    assert.ok(meanOf(realScores) > 0.7, `real ${meanOf(realScores)}`);
    assert.ok(realScores.every((value) => value > 0 && value <= 1));

    const random = seededRandom(9), tint = [1, 0.7, 0.2];
    for (const strength of [1, 0.5, 0.25]) {
      const noise = await score(() => 0.5 + strength * (random() - 0.5));
      assert.ok(noise < 0.05, `noise of strength ${strength}: ${noise}`);
      const dark = await score(() => strength * random());
      assert.ok(dark < 0.05, `dark noise of strength ${strength}: ${dark}`);
      for (const side of [1, 2]) {
        const board = await score((i, j, c) =>
          strength * tint[c]! * ((Math.floor(i / side) + Math.floor(j / side)) % 2)
        );
        assert.ok(board < 0.05, `checkerboard of ${side} pixels and strength ${strength}: ${board}`);
      }
    }
    const dots = await score(() => random() < 0.1 ? 1 : 0);
    assert.ok(dots < 0.05, `dots: ${dots}`);
    for (const level of [0, 0.5, 1]) {
      const constant = await score((_i, _j, c) => level * tint[c]!, 1);
      assert.ok(constant < 0.2, `constant ${level}: ${constant}`);
    }
  });
}

const calibration: QualityCalibration = {
  shape: [1, 4, 4],
  sharpness: [1, 2, 4, 6],
  contrast: [0.4, 0.5, 0.8, 0.9],
  saturation: [0, 0, 0, 0],
  grain: [0, 0, 100, 100],
};

Deno.test("QualityReward: 1 inside the inner quantiles, 1/e at the outer ones", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // Inside the frame [a b; b a]: Laplacians of 2 b - 4 a and 2 a - 4 b, whose variance is 12 (a - b)^2.
  const image = (a: number, b: number, edge: number) => [0, 0, 0, 0, 0, a, b, 0, 0, b, a, 0, 0, 0, 0, edge];
  const sharp = (variance: number) => Math.sqrt(variance / 12);
  const images = device.tensor(
    [
      image(sharp(3), 0, 0.6), // all inside
      image(sharp(6), 0, 0.6), // sharpness at its outer quantile
      image(sharp(8), 0, 0.6), // contrast 0.816 as well: a tail of 0.1
      image(sharp(3), 0, 0.95), // contrast one and a half tails too high
      image(sharp(1), 0, 0.6), // sharpness too low
      image(sharp(1), 0, 0.4), // and contrast
      image(NaN, 0, 0.6),
    ].flat(),
    [7, 1, 4, 4],
  );
  const contrast = (Math.sqrt(8 / 12) - 0.8) / 0.1;
  const wanted = [0, 1, 2 + contrast, 1.5, 1, 2, NaN].map((distance) => Math.exp(-distance));
  assertAllClose(await new QualityReward({ form: "calibrated", calibration }).score({ images }).data(), wanted, 1e-5);
});

Deno.test("QualityReward: a statistic that never differs in real pictures leaves a tenth of itself", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const rigid = { ...calibration, sharpness: [0, 0, 100, 100], contrast: [1, 1, 1, 1] } as const;
  const images = device.tensor([0.95, 0.8].flatMap((peak) => [peak, ...Array(15).fill(0)]), [2, 1, 4, 4]);
  const scores = await new QualityReward({ form: "calibrated", calibration: rigid }).score({ images }).data();
  assertAllClose(scores, [Math.exp(-0.5), Math.exp(-2)], 1e-5);
});

Deno.test("classicQuality: parts are capped, grey pictures count as saturated, noise is loved", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const random = seededRandom(1);
  const noise = classicQuality(pictures(device, [3, 32, 32], 20, random));
  assertAllClose([meanOf(await noise.quality.data())], [0.84], 0.01);
  const board = pictures(device, [1, 8, 8], 1, (i, j) => (i + j) % 2);
  const found = classicQuality(board);
  const parts = await device.read([found.sharpness, found.contrast, found.saturation, found.quality]);
  assert.deepEqual(parts.map(([value]) => value), [1, 1, 1, 1]);
  // One bright pixel of v in 5x5: Laplacians of -4 v and four of v, sum 0, squares 20 v^2.
  const dot = classicQuality(pictures(device, [3, 5, 5], 1, (i, j, c) => i === 2 && j === 2 && c === 0 ? 0.1 : 0));
  const sharpness = 100 * 20 * (0.299 * 0.1) ** 2 / 24, saturation = 2 * Math.sqrt(0.01 / 3) / 25;
  const values = await device.read([dot.sharpness, dot.contrast, dot.saturation, dot.quality]);
  assertAllClose(
    values.map(([value]) => value!),
    [sharpness, 0.1, saturation, (sharpness + 0.1 + saturation) / 3],
    1e-6,
  );
  const reward = new QualityReward({ form: "classic" });
  assert.equal(reward.name, "quality");
  assert.deepEqual([...await reward.score({ images: board }).data()], [1]);
});

Deno.test("QualityReward refuses pictures of another shape than it was calibrated on", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const reward = new QualityReward({ form: "calibrated", calibration });
  assert.throws(() => reward.score({ images: device.zeros([2, 1, 8, 8]) }), {
    name: "RangeError",
    message: "Cannot apply quality: it was calibrated on pictures of shape [1, 4, 4], got images [2, 1, 8, 8]",
  });
});
