import assert from "node:assert/strict";
import { gather, gatherOp } from "../../src/ops/gather.ts";
import { sum } from "../../src/ops/reduce.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";

const cases: [number[], number[], number][] = [
  [[1], [1], 0],
  [[7], [3], 0],
  [[4, 65], [4, 1], 1],
  [[4, 5], [4, 11], 1],
  [[5, 3], [2, 3], 0],
  [[2, 6, 3], [2, 13, 3], 1],
];

checkOp(gatherOp, {
  reference: {
    forward: ([x, index], { axis }) => Ref.from(index!.shape, (at) => x!.at(...at.with(axis, index!.at(...at)))),
    backward: ([x, index], _outputs, [dy], { axis }) => {
      const dx = new Ref(x!.shape);
      Ref.from(index!.shape, (at) => {
        dx.add(at.with(axis, index!.at(...at)), dy!.at(...at));
        return 0;
      });
      return [dx, null];
    },
  },
  integers: [1],
  cases: cases.map(([shape, indexShape, axis], number) => {
    const random = seededRandom(number);
    const index = Array.from({ length: sizeOf(indexShape) }, () => Math.floor(random() * shape[axis]!));
    return { shapes: [shape, indexShape], values: [undefined, index], attributes: { axis }, note: `axis ${axis}` };
  }),
});

Deno.test("gather gives NaN outside the axis, and no gradient", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3]);
  x.requiresGrad = true;
  const y = gather(x, device.tensor(Int32Array.of(2, 3, -1, 0, 2147483647, -2147483648)), -1);
  assert.deepEqual([...await y.data()], [3, NaN, NaN, 1, NaN, NaN]);
  assert.deepEqual([...await gradients(sum(y), [x])[0]!.data()], [1, 0, 1]);
});

Deno.test("gather's gradient adds up 70000 indices", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([0.5, 0.25]);
  x.requiresGrad = true;
  const index = device.tensor(Int32Array.from({ length: 70_000 }, (_, i) => i % 7 === 0 ? 1 : 0));
  const [dx] = gradients(sum(gather(x, index, 0)), [x]);
  assert.deepEqual([...await dx!.data()], [60_000, 10_000]);
});

Deno.test("gather refuses what does not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([2, 3]);
  assert.throws(() => gather(x, device.zeros([3, 1], "i32"), 1), {
    name: "RangeError",
    message: "Cannot gather along axis 1 of [2, 3] by indices [3, 1]: all other sizes must match",
  });
  assert.throws(() => gather(x, device.zeros([2, 1]), 1), {
    message: "Cannot apply gather: index must hold i32, got f32",
  });
  assert.throws(() => gather(x, device.zeros([2, 1], "i32"), 2), {
    message: "Cannot apply gather: axis 2 is out of range for shape [2, 3]; use -2 to 1",
  });
});
