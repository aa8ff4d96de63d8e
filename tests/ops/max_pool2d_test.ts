import assert from "node:assert/strict";
import { maxPool2d, maxPool2dOp } from "../../src/ops/max_pool2d.ts";
import type { Pool2dOptions } from "../../src/ops/pool2d_geometry.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** Flat index in x of each window's first maximum, with the shape of the result. */
function places(x: Ref, { kernel = 2, stride = kernel, padding = 0 }: Pool2dOptions): Ref {
  const [B, C, H, W] = x.shape as [number, number, number, number];
  const along = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const shape = [B, C, along(H), along(W)];
  return Ref.from(shape, ([b, c, i, j]) => {
    let best = -1;
    for (let k = 0; k < kernel; k++) {
      for (let l = 0; l < kernel; l++) {
        const p = i! * stride + k - padding, q = j! * stride + l - padding;
        if (p < 0 || p >= H || q < 0 || q >= W) continue;
        const at = x.offset([b!, c!, p, q]);
        if (best < 0 || x.data[at]! > x.data[best]!) best = at;
      }
    }
    return best;
  });
}

checkOp(maxPool2dOp, {
  reference: {
    forward: ([x], options) => places(x!, options).map((at) => x!.data[at]!),
    backward: ([x], _outputs, [dy], options) => {
      const dx = new Ref(x!.shape);
      places(x!, options).data.forEach((at, i) => dx.data[at]! += dy!.data[i]!);
      return [dx];
    },
  },
  cases: [
    { shapes: [[1, 1, 2, 2]] },
    { shapes: [[2, 3, 8, 8]] },
    { shapes: [[3, 2, 6, 10]], note: "sides that differ" },
    { shapes: [[3, 5, 7, 5]], note: "rest dropped" },
    { shapes: [[2, 2, 7, 9]], attributes: { kernel: 3, stride: 2 }, note: "overlap" },
    { shapes: [[1, 2, 9, 8]], attributes: { kernel: 2, stride: 3 }, note: "gaps" },
    { shapes: [[2, 1, 3, 3]], attributes: { kernel: 1 }, note: "window of one" },
    { shapes: [[1, 1, 4, 4]], attributes: { kernel: 4 }, note: "one window" },
    { shapes: [[2, 3, 5, 7]], attributes: { kernel: 3, stride: 1, padding: 1 }, note: "padding" },
    { shapes: [[1, 2, 6, 3]], attributes: { kernel: 4, stride: 3, padding: 2 }, note: "padding of half the window" },
    { shapes: [[1, 1, 1, 1]], attributes: { kernel: 3, padding: 1 }, note: "a pixel, padded" },
    {
      shapes: [[1, 1, 2, 4]],
      values: [[-3.4e38, 5, -1, -2, 3, -1e30, -3, -4]],
      note: "extremes",
    },
  ],
});

Deno.test("max_pool2d: the first of equal maxima gets the gradient", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.parameter(new Float32Array(4).fill(7), [1, 1, 2, 2]);
  const y = maxPool2d(x);
  const [dx] = y.node!.backward([device.full(y.shape, 5)], [true]);
  assert.deepEqual([...await dx!.data()], [5, 0, 0, 0]);
});

Deno.test("max_pool2d: NaN and infinities", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const low = -Infinity;
  const x = device.tensor([1, NaN, low, low, 2, 3, low, low, 1, Infinity, low, 4, 2, 3, low, low], [1, 1, 4, 4]);
  assert.deepEqual([...await maxPool2d(x).data()], [NaN, low, Infinity, 4]);
});

Deno.test("max_pool2d: more windows than a grid dimension holds workgroups", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = maxPool2d(device.full([1, 1, 2100, 2100], 3), { kernel: 1 });
  const values = await y.data();
  assert.equal(values.length, 4410000);
  assert.equal(values.findIndex((v) => v !== 3), -1);
});

Deno.test("max_pool2d: errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (message: string, shape: number[], options: Pool2dOptions = {}) =>
    assert.throws(() => maxPool2d(device.zeros(shape), options), new RangeError(message));
  const show =
    "Cannot pool [1, 1, 4, 3]: wanted an integer window from 1 to 3 and an integer stride of at least 1, got";
  refuses("Cannot apply max_pool2d: x must have 4 axes, got shape [4, 3]", [4, 3]);
  const padding = "Cannot pool [1, 1, 4, 3]: padding must be an integer from 0 to half the window of 2, got";
  refuses(`${padding} 2`, [1, 1, 4, 3], { padding: 2 });
  refuses(`${padding} -1`, [1, 1, 4, 3], { padding: -1 });
  refuses(`${show} 4 and 4`, [1, 1, 4, 3], { kernel: 4 });
  refuses(`${show} 2 and 0`, [1, 1, 4, 3], { stride: 0 });
  refuses(`${show} 1.5 and 1`, [1, 1, 4, 3], { kernel: 1.5, stride: 1 });
  assert.throws(
    () => maxPool2d(device.zeros([1, 1, 2, 2], "i32")),
    new RangeError("Cannot apply max_pool2d: x must hold f32, got i32"),
  );
});
