import assert from "node:assert/strict";
import { avgPool2d, avgPool2dOp } from "../../src/ops/avg_pool2d.ts";
import type { Pool2dOptions } from "../../src/ops/pool2d_geometry.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** Shape of the result, and by window the flat indices in x of its pixels inside the image. */
function windows(x: Ref, { kernel = 2, stride = kernel, padding = 0 }: Pool2dOptions) {
  const [B, C, H, W] = x.shape as [number, number, number, number];
  const along = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const shape = [B, C, along(H), along(W)], pixels: number[][] = [];
  Ref.from(shape, ([b, c, i, j]) => {
    const inside: number[] = [];
    for (let k = 0; k < kernel; k++) {
      for (let l = 0; l < kernel; l++) {
        const p = i! * stride + k - padding, q = j! * stride + l - padding;
        if (p >= 0 && p < H && q >= 0 && q < W) inside.push(x.offset([b!, c!, p, q]));
      }
    }
    return pixels.push(inside);
  });
  return { shape, pixels };
}

checkOp(avgPool2dOp, {
  reference: {
    forward: ([x], options) => {
      const { shape, pixels } = windows(x!, options);
      return new Ref(shape, pixels.map((inside) => inside.reduce((sum, at) => sum + x!.data[at]!, 0) / inside.length));
    },
    backward: ([x], _outputs, [dy], options) => {
      const dx = new Ref(x!.shape);
      windows(x!, options).pixels.forEach((inside, i) =>
        inside.forEach((at) => dx.data[at]! += dy!.data[i]! / inside.length)
      );
      return [dx];
    },
  },
  cases: [
    { shapes: [[1, 1, 1, 1]], attributes: { kernel: 3, padding: 1 }, note: "a pixel, padded" },
    { shapes: [[2, 3, 8, 8]] },
    { shapes: [[3, 5, 7, 5]], note: "rest dropped" },
    { shapes: [[2, 5, 5, 7]], attributes: { kernel: 3, stride: 1, padding: 1 }, note: "same size" },
    { shapes: [[2, 2, 7, 9]], attributes: { kernel: 3, stride: 2, padding: 1 }, note: "overlap" },
    { shapes: [[1, 2, 9, 8]], attributes: { kernel: 2, stride: 3 }, note: "gaps" },
    { shapes: [[1, 2, 6, 3]], attributes: { kernel: 4, stride: 3, padding: 2 }, note: "padding of half the window" },
    { shapes: [[1, 1, 2, 2]], values: [[1e4, -1e4, 3, 1]], note: "large values that cancel" },
  ],
});

Deno.test("avg_pool2d: NaN and infinities stay in their windows", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, NaN, Infinity, 2, 1, 2, 3, 4], [1, 1, 2, 4]);
  assert.deepEqual([...await avgPool2d(x).data()], [NaN, Infinity]);
});

Deno.test("avg_pool2d: more windows than a grid dimension holds workgroups", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const values = await avgPool2d(device.full([1, 1, 2100, 2100], 3), { kernel: 1 }).data();
  assert.equal(values.length, 4410000);
  assert.equal(values.findIndex((v) => v !== 3), -1);
});

Deno.test("avg_pool2d: errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (message: string, shape: number[], options: Pool2dOptions = {}) =>
    assert.throws(() => avgPool2d(device.zeros(shape), options), new RangeError(message));
  refuses("Cannot apply avg_pool2d: x must have 4 axes, got shape [4, 3]", [4, 3]);
  refuses(
    "Cannot pool [1, 1, 2, 3]: wanted an integer window from 1 to 4 and an integer stride of at least 1, got 5 and 1",
    [1, 1, 2, 3],
    { kernel: 5, stride: 1, padding: 1 },
  );
  refuses("Cannot pool [1, 1, 4, 3]: padding must be an integer from 0 to half the window of 3, got 2", [1, 1, 4, 3], {
    kernel: 3,
    padding: 2,
  });
  assert.throws(
    () => avgPool2d(device.zeros([1, 1, 2, 2], "i32")),
    new RangeError("Cannot apply avg_pool2d: x must hold f32, got i32"),
  );
});
