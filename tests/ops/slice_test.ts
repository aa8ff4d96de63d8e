import assert from "node:assert/strict";
import { slice, sliceOp } from "../../src/ops/slice.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

const ranges: [number[], number, number, number][] = [
  [[1], 0, 0, 1],
  [[7], 0, 2, 5],
  [[8], 0, 4, 8],
  [[3, 12], 1, 4, 8],
  [[3, 12], 1, 3, 7],
  [[5, 3, 4], 1, 1, 3],
  [[5, 3, 7], 0, 1, 2],
  [[2, 3, 5], 2, 4, 5],
];

checkOp(sliceOp, {
  reference: {
    forward: ([x], { axis, start, end }) =>
      Ref.from(x!.shape.with(axis, end - start), (index) => x!.at(...index.with(axis, index[axis]! + start))),
    backward: ([x], _outputs, [dy], { axis, start, end }) => [
      Ref.from(x!.shape, (index) => {
        const at = index[axis]!;
        return at >= start && at < end ? dy!.at(...index.with(axis, at - start)) : 0;
      }),
    ],
  },
  cases: ranges.map(([shape, axis, start, end]) => ({
    shapes: [shape],
    attributes: { axis, start, end },
    note: `axis ${axis} from ${start} to ${end}`,
  })),
});

Deno.test("slice takes integers and a negative axis", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = slice(device.tensor(Int32Array.of(1, 2, 3, -4, 5, 6), [2, 3]), -1, 0, 1);
  assert.equal(y.dtype, "i32");
  assert.deepEqual([...await y.data()], [1, -4]);
});

Deno.test("slice refuses ranges outside the axis", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([2, 3]);
  for (const [start, end] of [[2, 4], [-1, 2], [1, 1], [0.5, 2]] as const) {
    assert.throws(() => slice(x, 1, start, end), {
      name: "RangeError",
      message: `Cannot slice ${start} to ${end} of axis 1 of shape [2, 3]: wanted integers 0 <= start < end <= 3`,
    });
  }
  assert.throws(() => slice(x, 2, 0, 1), {
    message: "Cannot apply slice: axis 2 is out of range for shape [2, 3]; use -2 to 1",
  });
});
