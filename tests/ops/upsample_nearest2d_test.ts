import assert from "node:assert/strict";
import { upsampleNearest2d, upsampleNearest2dOp } from "../../src/ops/upsample_nearest2d.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

checkOp(upsampleNearest2dOp, {
  reference: {
    forward: ([x], { factor }) => {
      const [B, C, H, W] = x!.shape as [number, number, number, number];
      return Ref.from(
        [B, C, H * factor, W * factor],
        ([b, c, i, j]) => x!.at(b!, c!, Math.floor(i! / factor), Math.floor(j! / factor)),
      );
    },
    backward: ([x], _outputs, [dy], { factor }) => {
      const [B, C, H, W] = x!.shape as [number, number, number, number];
      return [
        Ref.from([B, C, H, W], ([b, c, i, j]) => {
          let sum = 0;
          for (let k = 0; k < factor; k++) {
            for (let l = 0; l < factor; l++) sum += dy!.at(b!, c!, i! * factor + k, j! * factor + l);
          }
          return sum;
        }),
      ];
    },
  },
  cases: [
    { shapes: [[1, 1, 1, 1]], attributes: { factor: 2 } },
    { shapes: [[2, 3, 5, 7]], attributes: { factor: 2 } },
    { shapes: [[1, 2, 4, 3]], attributes: { factor: 3 } },
    { shapes: [[2, 1, 3, 2]], attributes: { factor: 1 }, note: "identity" },
  ],
});

Deno.test("upsample_nearest2d: more pixels than a grid dimension holds workgroups", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = await upsampleNearest2d(device.full([1, 1, 34, 34], 3), 64).data();
  assert.equal(y.length, 4734976);
  assert.equal(y.findIndex((v) => v !== 3), -1);
});

Deno.test("upsample_nearest2d: errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const show = "Cannot upsample [1, 1, 2, 2]: the factor must be an integer from 1 to 64, got";
  const x = device.zeros([1, 1, 2, 2]);
  for (const factor of [0, 1.5, 65]) {
    assert.throws(() => upsampleNearest2d(x, factor), new RangeError(`${show} ${factor}`));
  }
  assert.throws(
    () => upsampleNearest2d(device.zeros([2, 2])),
    new RangeError("Cannot apply upsample_nearest2d: x must have 4 axes, got shape [2, 2]"),
  );
  assert.throws(
    () => upsampleNearest2d(device.zeros([1, 1, 2, 2], "u32")),
    new RangeError("Cannot apply upsample_nearest2d: x must hold f32, got u32"),
  );
});
