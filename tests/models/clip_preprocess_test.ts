import assert from "node:assert/strict";
import { clipDeviation, clipMean, ClipPreprocess } from "../../src/models/clip_preprocess.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

/** Keys' cubic with a = -0.5, in powers of |x|. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t >= 2) return 0;
  return t < 1 ? 1.5 * t ** 3 - 2.5 * t ** 2 + 1 : -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2;
}

/** A line resized as Pillow does, without its rounding to levels: every pixel in reach, weighted by its distance. */
function resizeLine(line: readonly number[], to: number): number[] {
  const scale = line.length / to, stretch = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    let sum = 0, total = 0;
    line.forEach((value, k) => {
      const weight = cubic((k + 0.5 - (i + 0.5) * scale) / stretch);
      sum += weight * value;
      total += weight;
    });
    return Math.min(1, Math.max(0, sum / total));
  });
}

const transposed = (lines: readonly number[][]) => lines[0]!.map((_, i) => lines.map((line) => line[i]!));

/** One channel through the whole of it. */
function prepared(plane: readonly number[][], size: number, channel: number): number[] {
  const [height, width] = [plane.length, plane[0]!.length];
  const short = Math.min(height, width);
  const side = (pixels: number) => pixels === short ? size : Math.trunc(size * pixels / short);
  const rows = plane.map((line) => resizeLine(line, side(width)));
  const whole = transposed(transposed(rows).map((line) => resizeLine(line, side(height))));
  // Python's round: halves go to the even number.
  const round = (x: number) => x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
  const [top, left] = [round((side(height) - size) / 2), round((side(width) - size) / 2)];
  return whole.slice(top, top + size).flatMap((line) => line.slice(left, left + size))
    .map((value) => (value - clipMean[channel]!) / clipDeviation[channel]!);
}

const cases = [
  { shape: [2, 3, 5, 7], size: 13, what: "grown" },
  { shape: [1, 1, 28, 28], size: 32, what: "grey and square, grown" },
  { shape: [2, 3, 37, 23], size: 9, what: "shrunk, upright" },
  { shape: [1, 3, 16, 19], size: 16, what: "only cut, with 3 pixels to spare" },
  { shape: [1, 1, 1, 5], size: 3, what: "one line" },
  { shape: [1, 3, 11, 4], size: 1, what: "to one pixel" },
] as const;

for (const { shape, size, what } of cases) {
  Deno.test(`ClipPreprocess: [${shape}] to ${size}, ${what}, as Pillow's algorithm in float64`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const [count, channels, height, width] = shape;
    const random = seededRandom(size);
    // Black and white beside noise: the cubic overshoots there and must be clamped.
    const pixels = Float32Array.from({ length: count * channels * height * width }, () => {
      const u = random();
      return u < 0.3 ? 0 : u > 0.7 ? 1 : u;
    });
    const plane = (n: number, c: number) =>
      Array.from({ length: height }, (_, y) => {
        const start = ((n * channels + c) * height + y) * width;
        return [...pixels.subarray(start, start + width)];
      });
    const expected = Array.from(
      { length: count },
      (_, n) => [0, 1, 2].flatMap((c) => prepared(plane(n, channels === 1 ? 0 : c), size, c)),
    ).flat();
    const found = new ClipPreprocess(device, height, width, size).forward(device.tensor(pixels, shape));
    assert.deepEqual(found.shape, [count, 3, size, size]);
    assertAllClose(await found.data(), expected, 1e-5);
  });
}

Deno.test("ClipPreprocess refuses other pictures than announced", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const preprocess = new ClipPreprocess(device, 4, 6, 8);
  const refused = (shape: readonly number[], message: string) =>
    assert.throws(() => preprocess.forward(device.zeros(shape)), { name: "RangeError", message });
  const wanted = "wanted [N, 1 or 3, 4, 6]";
  refused([1, 2, 4, 6], `Cannot prepare pictures of shape [1, 2, 4, 6] for CLIP: ${wanted}`);
  refused([1, 3, 6, 4], `Cannot prepare pictures of shape [1, 3, 6, 4] for CLIP: ${wanted}`);
  refused([3, 4, 6], `Cannot prepare pictures of shape [3, 4, 6] for CLIP: ${wanted}`);
  assert.throws(() => new ClipPreprocess(device, 4, 6, 0), {
    name: "RangeError",
    message: "Cannot resize 4x6 to 0: wanted whole numbers of pixels from 1 up",
  });
});
