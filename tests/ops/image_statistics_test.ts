import assert from "node:assert/strict";
import { imageStatistics, imageStatisticsOp, type LaplacianBorder } from "../../src/ops/image_statistics.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

const zeros = { border: "zeros" } as const, inside = { border: "inside" } as const;
const lumaWeights = [0.299, 0.587, 0.114];

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/** Sharpness, contrast, saturation and grain of one image. */
function statisticsOf(images: Ref, b: number, border: LaplacianBorder): number[] {
  const [, channels, h, w] = images.shape as [number, number, number, number];
  const values = (i: number, j: number) => Array.from({ length: channels }, (_, c) => images.at(b, c, i, j));
  const luma = (i: number, j: number) => {
    if (i < 0 || j < 0 || i >= h || j >= w) return 0;
    return channels === 1 ? images.at(b, 0, i, j) : values(i, j).reduce((sum, v, c) => sum + lumaWeights[c]! * v, 0);
  };
  const laplacians: number[] = [], lumas: number[] = [], deviations: number[] = [];
  let high = -Infinity, low = Infinity;
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; j++) {
      high = Math.max(high, ...values(i, j));
      low = Math.min(low, ...values(i, j));
      deviations.push(channels === 1 ? 0 : Math.sqrt(varianceOf(values(i, j))));
      if (border === "inside" && (i === 0 || j === 0 || i === h - 1 || j === w - 1)) continue;
      laplacians.push(luma(i - 1, j) + luma(i + 1, j) + luma(i, j - 1) + luma(i, j + 1) - 4 * luma(i, j));
      lumas.push(luma(i, j));
    }
  }
  const sharpness = varianceOf(laplacians);
  return [sharpness, high - low, meanOf(deviations), sharpness / (varianceOf(lumas) + 1e-6)];
}

checkOp(imageStatisticsOp, {
  reference: {
    forward: ([images], { border }) => {
      const rows = Array.from({ length: images!.shape[0]! }, (_, b) => statisticsOf(images!, b, border));
      return [0, 1, 2, 3].map((name) => new Ref([rows.length], rows.map((row) => row[name]!)));
    },
  },
  sample: (u) => u,
  cases: [
    { shapes: [[1, 1, 1, 2]], attributes: zeros },
    { shapes: [[2, 1, 2, 1]], attributes: zeros },
    { shapes: [[1, 1, 3, 4]], attributes: inside },
    { shapes: [[1, 3, 4, 3]], attributes: inside },
    { shapes: [[3, 1, 8, 8]], attributes: zeros },
    { shapes: [[3, 1, 8, 8]], attributes: inside },
    { shapes: [[2, 3, 20, 13]], attributes: zeros },
    { shapes: [[2, 3, 7, 37]], attributes: inside },
    { shapes: [[67, 1, 5, 5]], attributes: inside, note: "more pictures than lanes of a workgroup" },
    { shapes: [[1, 3, 70, 64]], attributes: inside },
    { shapes: [[1, 1, 1, 65535]], attributes: zeros, note: "longest row" },
    { shapes: [[1, 1, 65535, 3]], attributes: inside, note: "highest picture" },
    { shapes: [[1, 1, 30, 30]], attributes: zeros, values: [Array(900).fill(1)], note: "constant" },
    {
      shapes: [[1, 1, 24, 24]],
      attributes: inside,
      values: [Array.from({ length: 576 }, (_, i) => 1000 + i % 7)],
      note: "far from zero",
    },
  ],
});

Deno.test("imageStatistics: a checkerboard is as grainy at any strength, a constant picture not at all", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const board = Float32Array.from({ length: 4096 }, (_, i) => (i + (i >> 6)) % 2);
  const images = device.tensor([...board, ...board.map((v) => 0.5 + 0.1 * v), ...Array(4096).fill(0.7)], [
    3,
    1,
    64,
    64,
  ]);
  const { grain, sharpness, contrast } = imageStatistics(images, "inside");
  assertAllClose(await grain.data(), [64, 64, 0], 1e-3);
  assertAllClose(await sharpness.data(), [16, 0.16, 0], 1e-2);
  assertAllClose(await contrast.data(), [1, 0.1, 0], 1e-6);
});

Deno.test("imageStatistics: NaN anywhere reaches contrast, and no other picture", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const [channels, at] of [[1, 0], [1, 12], [3, 74]] as const) {
    const size = channels * 25;
    const images = device.tensor(Float32Array.from({ length: 2 * size }, (_, i) => i === at ? NaN : i % 3), [
      2,
      channels,
      5,
      5,
    ]);
    const [broken, whole] = await imageStatistics(images, "inside").contrast.data();
    assert.deepEqual([broken, whole], [NaN, 2]);
  }
});

Deno.test("imageStatistics refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (images: Tensor, border: LaplacianBorder, message: string) =>
    assert.throws(() => imageStatistics(images, border), {
      name: "RangeError",
      message: `Cannot apply image_statistics: ${message}`,
    });
  refuses(device.zeros([1, 1, 8, 8], "i32"), "zeros", "images must hold f32, got i32");
  refuses(device.zeros([8, 8]), "zeros", "images must have 4 axes, got shape [8, 8]");
  refuses(device.zeros([1, 4, 8, 8]), "zeros", "images must have 1 or 3 channels, got shape [1, 4, 8, 8]");
  const sides = "must have at least 2 pixels and at most 65535 on a side, got shape";
  refuses(device.zeros([1, 1, 1, 1]), "zeros", `images ${sides} [1, 1, 1, 1]`);
  refuses(device.zeros([1, 1, 65536, 1]), "zeros", `images ${sides} [1, 1, 65536, 1]`);
  refuses(
    device.zeros([1, 1, 3, 3]),
    "inside",
    "images must have at least 2 pixels inside their frame and at most 65535 on a side, got shape [1, 1, 3, 3]",
  );
});
