import assert from "node:assert/strict";
import {
  conv2d,
  type Conv2dAttributes,
  conv2dOp,
  type Conv2dOptions,
  type Conv2dVariant,
} from "../../src/ops/conv2d.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp, type OpCase } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** Sizes of the result, and a call of `visit` with flat indices into y, x and w for every multiplication. */
function eachTap(
  [x, w]: readonly Ref[],
  { stride = 1, padding = 0 }: Conv2dOptions,
  visit: (y: number, x: number, w: number) => void = () => {},
): number[] {
  const pad = typeof padding === "number" ? { top: padding, left: padding, bottom: padding, right: padding } : padding;
  const [B, C, H, W] = x!.shape as [number, number, number, number];
  const [O, , KH, KW] = w!.shape as [number, number, number, number];
  const YH = Math.floor((H + pad.top + pad.bottom - KH) / stride) + 1;
  const YW = Math.floor((W + pad.left + pad.right - KW) / stride) + 1;
  let y = 0;
  for (let b = 0; b < B; b++) {
    for (let o = 0; o < O; o++) {
      for (let i = 0; i < YH; i++) {
        for (let j = 0; j < YW; j++, y++) {
          for (let tap = 0; tap < C * KH * KW; tap++) {
            const c = Math.floor(tap / (KH * KW)), k = Math.floor(tap / KW) % KH, l = tap % KW;
            const u = i * stride + k - pad.top, v = j * stride + l - pad.left;
            if (u >= 0 && u < H && v >= 0 && v < W) visit(y, ((b * C + c) * H + u) * W + v, o * C * KH * KW + tap);
          }
        }
      }
    }
  }
  return [B, O, YH, YW];
}

const { gpu } = await testDevice();
const variants: readonly Conv2dVariant[] = ["tile", "block", "subgroup"];
const available = variants.filter((variant) => variant !== "subgroup" || gpu.adapter.subgroupSize === 8);

const cases: OpCase<Conv2dAttributes>[] = [
  { shapes: [[1, 1, 1, 1], [1, 1, 1, 1], [1]], note: "all ones" },
  { shapes: [[2, 3, 5, 7], [4, 3, 3, 3], [4]], attributes: { padding: 1 }, note: "3x3" },
  { shapes: [[3, 5, 4, 4], [11, 5, 1, 1]], note: "1x1 without bias" },
  { shapes: [[2, 4, 8, 8], [9, 4, 3, 3], [9]], attributes: { stride: 2, padding: 1 }, note: "stride 2" },
  { shapes: [[1, 2, 7, 9], [3, 2, 1, 1]], attributes: { stride: 2 }, note: "1x1 stride 2 with a rest" },
  {
    shapes: [[2, 2, 6, 5], [3, 2, 3, 3]],
    attributes: { stride: 2, padding: { top: 0, left: 0, bottom: 1, right: 1 } },
    note: "padding below and right only",
  },
  { shapes: [[2, 3, 9, 6], [2, 3, 5, 2], [2]], attributes: { stride: 3, padding: 2 }, note: "5x2 stride 3" },
  { shapes: [[1, 1, 2, 2], [1, 1, 3, 3]], attributes: { padding: 3 }, note: "windows in the padding alone" },
  { shapes: [[5, 1, 8, 8], [8, 1, 3, 3], [8]], attributes: { padding: 1, relu: true }, note: "relu" },
  { shapes: [[1, 5, 4, 4], [67, 5, 3, 3], [67]], attributes: { padding: 1 }, note: "tiles of outputs" },
  { shapes: [[2, 67, 3, 3], [9, 67, 2, 2], [9]], note: "tiles of inputs" },
  { shapes: [[2, 19, 9, 8], [21, 19, 3, 3], [21]], attributes: { padding: 1, stride: 2 }, note: "slabs" },
  { shapes: [[40, 1, 16, 16], [1, 1, 1, 1], [1]], note: "sums in parts" },
];

checkOp(conv2dOp, {
  reference: {
    forward: ([x, w, bias], options) => {
      const y = Ref.from(eachTap([x!, w!], options), ([, o]) => bias ? bias.at(o!) : 0);
      eachTap([x!, w!], options, (to, from, tap) => y.data[to]! += x!.data[from]! * w!.data[tap]!);
      return options.relu ? y.map((v) => Math.max(v, 0)) : y;
    },
    backward: ([x, w, bias], [y], [dy], options) => {
      const dz = options.relu ? dy!.zip(y!, (d, v) => v > 0 ? d : 0) : dy!;
      const dx = new Ref(x!.shape), dw = new Ref(w!.shape);
      eachTap([x!, w!], options, (to, from, tap) => {
        dx.data[from]! += dz.data[to]! * w!.data[tap]!;
        dw.data[tap]! += dz.data[to]! * x!.data[from]!;
      });
      if (!bias) return [dx, dw];
      const db = new Ref(bias.shape);
      const plane = dz.shape[2]! * dz.shape[3]!;
      dz.data.forEach((d, i) => db.data[Math.floor(i / plane) % bias.data.length]! += d);
      return [dx, dw, db];
    },
  },
  cases: available.flatMap((variant) =>
    cases.map(({ attributes, note, ...rest }) => ({
      ...rest,
      attributes: { ...attributes, variant },
      note: `${note}, ${variant}`,
    }))
  ),
});

Deno.test("conv2d: gradients that sum over a million windows", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.full([1, 1, 1000, 1000], 0.5);
  const weight = device.parameter(Float32Array.of(2), [1, 1, 1, 1]);
  const bias = device.parameter(Float32Array.of(0), [1]);
  const y = conv2d(x, weight, bias);
  const loss = device.zeros([1]);
  loss.requiresGrad = true;
  loss.node = {
    id: device.nodes++,
    op: "sum",
    inputs: [y],
    outputs: [loss],
    backward: () => [device.full(y.shape, 1)],
  };
  const [dw, db] = gradients(loss, [weight, bias]);
  assertAllClose(await dw!.data(), [500000], 1e-7);
  assertAllClose(await db!.data(), [1000000], 1e-7);
  const values = await y.data();
  assert.equal(values.findIndex((v) => v !== 1), -1);
});

Deno.test("conv2d: a column of 70,000 rows", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = conv2d(device.full([1, 1, 70000, 1], 1), device.full([1, 1, 3, 1], 1), null, {
    padding: { top: 1, left: 0, bottom: 1, right: 0 },
  });
  const values = await y.data();
  assert.deepEqual([values[0], values[69999]], [2, 2]);
  assert.equal(values.subarray(1, 69999).findIndex((v) => v !== 3), -1);
});

for (const variant of available.filter((each) => each !== "block")) { // barriers of 20,000 turns take long here
  Deno.test(`conv2d ${variant}: the largest windows are summed whole`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    for (const [h, w] of [[140, 140], [10000, 1], [1, 19999]] as const) {
      const ones = device.full([1, 1, h, w], 1);
      assert.deepEqual([...await conv2dOp([ones, ones], { variant }).data()], [h * w]);
    }
  });
}

Deno.test("conv2d: relu keeps NaN visible", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = conv2d(device.tensor([NaN, -1], [1, 1, 1, 2]), device.full([1, 1, 1, 1], 1), null, { relu: true });
  assert.deepEqual([...await y.data()], [NaN, 0]);
});

Deno.test("conv2d: errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (message: string, x: Shape, w: Shape, options: Conv2dOptions = {}, bias?: Shape) =>
    assert.throws(
      () => conv2d(device.zeros(x), device.zeros(w), bias ? device.zeros(bias) : null, options),
      new RangeError(message),
    );
  refuses("Cannot apply conv2d: x must have 4 axes, got shape [3, 4, 4]", [3, 4, 4], [2, 3, 1, 1]);
  refuses("Cannot apply conv2d: weight must have 4 axes, got shape [2, 3]", [1, 3, 4, 4], [2, 3]);
  refuses("Cannot apply conv2d: bias must have shape [2], got [3]", [1, 3, 4, 4], [2, 3, 1, 1], {}, [3]);
  refuses(
    "Cannot convolve [1, 3, 4, 4] with [2, 4, 1, 1]: channels must match the weight's second size, got 3 and 4",
    [1, 3, 4, 4],
    [2, 4, 1, 1],
  );
  const show = "Cannot convolve [1, 1, 2, 2] with [1, 1, 3, 3]";
  const x = [1, 1, 2, 2], w = [1, 1, 3, 3];
  refuses(`${show}: the window [3, 3] must fit the padded image [2, 2]; add padding`, x, w);
  refuses(`${show}: stride must be a positive integer, got 0.5`, x, w, { padding: 1, stride: 0.5 });
  refuses(`${show}: padding must be integers of at least 0, got -1`, x, w, { padding: -1 });
  refuses(
    "Cannot convolve [1, 1, 142, 142] with [1, 1, 142, 142]: a window may take at most 60000 turns, " +
      "rows x (columns x (channels + 2) + 3), got 60918; split the channels or the window",
    [1, 1, 142, 142],
    [1, 1, 142, 142],
  );
  refuses(
    "Cannot convolve [1, 1, 1, 60001] with [1, 1, 1, 1]: at most 60000 pixels in a row are supported, got 60001",
    [1, 1, 1, 60001],
    [1, 1, 1, 1],
  );
  assert.throws(
    () => conv2d(device.zeros(x), device.zeros([1, 1, 1, 1], "i32"), null),
    new RangeError("Cannot apply conv2d: every input must hold f32, got i32"),
  );
});
