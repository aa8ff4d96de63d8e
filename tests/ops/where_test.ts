import assert from "node:assert/strict";
import { where, whereOp } from "../../src/ops/where.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { broadcastAll, sumBack } from "../support/broadcast_ref.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const shapes = [
  [[1], [1], [1]],
  [[7], [7], [7]],
  [[3, 64], [3, 64], [3, 64]],
  [[5, 1], [5, 7], [1]],
  [[6], [5, 6], [5, 1]],
  [[4, 1, 8], [3, 1], [2, 1, 1, 8]],
  [[], [2, 3], [2, 3]],
];

checkOp(whereOp, {
  reference: {
    forward: (inputs) => {
      const [cond, a, b] = broadcastAll(inputs);
      return cond!.map((c, i) => c !== 0 ? a!.data[i]! : b!.data[i]!);
    },
    backward: (inputs, _outputs, [dy]) => {
      const [cond] = broadcastAll(inputs);
      const masked = (side: boolean) => dy!.map((d, i) => (cond!.data[i] !== 0) === side ? d : 0);
      return [null, sumBack(masked(true), inputs[1]!.shape), sumBack(masked(false), inputs[2]!.shape)];
    },
  },
  integers: [0],
  cases: shapes.map((shapes, i) => {
    const random = seededRandom(i);
    return { shapes, values: [Array.from({ length: sizeOf(shapes[0]!) }, () => Math.floor(random() * 3) - 1)] };
  }),
});

Deno.test("where takes unsigned masks and keeps NaN out of the other branch", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const mask = device.tensor(Uint32Array.of(1, 0, 4_000_000_000));
  const y = where(mask, device.tensor([1, NaN, 3]), device.tensor([NaN, 2, -Infinity]));
  assert.deepEqual([...await y.data()], [1, 2, 3]);
});

Deno.test("where refuses what does not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([3]);
  assert.throws(() => where(x, x, x), {
    name: "RangeError",
    message: "Cannot apply where: cond must hold i32 or u32, got f32",
  });
  assert.throws(() => where(device.zeros([2], "i32"), x, x), {
    message: "Cannot choose among [2] and [3]: sizes must be equal or 1, got 2 and 3 at axis 0",
  });
});
