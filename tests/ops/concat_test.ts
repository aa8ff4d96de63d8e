import assert from "node:assert/strict";
import { concat, concatOp } from "../../src/ops/concat.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** Which input, and which index along the axis in it, an index of the result is. */
function origin(shapes: readonly (readonly number[])[], axis: number, at: number): [number, number] {
  let k = 0;
  while (at >= shapes[k]![axis]!) at -= shapes[k++]![axis]!;
  return [k, at];
}

checkOp(concatOp, {
  reference: {
    forward: (inputs, { axis }) => {
      const along = axis < 0 ? axis + inputs[0]!.shape.length : axis;
      const shapes = inputs.map(({ shape }) => shape);
      const total = shapes.reduce((sum, shape) => sum + shape[along]!, 0);
      return Ref.from(inputs[0]!.shape.with(along, total), (index) => {
        const [k, at] = origin(shapes, along, index[along]!);
        return inputs[k]!.at(...index.with(along, at));
      });
    },
    backward: (inputs, _outputs, [dy], { axis }) => {
      const along = axis < 0 ? axis + inputs[0]!.shape.length : axis;
      const grads = inputs.map(({ shape }) => new Ref(shape));
      Ref.from(dy!.shape, (index) => {
        const [k, at] = origin(inputs.map(({ shape }) => shape), along, index[along]!);
        grads[k]!.add(index.with(along, at), dy!.at(...index));
        return 0;
      });
      return grads;
    },
  },
  cases: [
    { shapes: [[1]], attributes: { axis: 0 } },
    { shapes: [[3], [4], [1]], attributes: { axis: 0 } },
    { shapes: [[2, 4], [2, 8]], attributes: { axis: 1 } },
    { shapes: [[2, 3], [2, 5]], attributes: { axis: -1 } },
    { shapes: [[3, 1, 7], [3, 2, 7], [3, 5, 7]], attributes: { axis: 1 } },
    { shapes: [[5, 16, 4], [5, 1, 4]], attributes: { axis: 1 } },
    { shapes: [[2, 3], [5, 3]], attributes: { axis: 0 } },
  ],
});

Deno.test("concat joins integers, and one tensor with itself", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const ids = device.tensor(Int32Array.of(1, -2), [2, 1]);
  const y = concat([ids, ids], 1);
  assert.equal(y.dtype, "i32");
  assert.deepEqual([...await y.data()], [1, 1, -2, -2]);
});

Deno.test("concat refuses what does not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([2, 3]);
  assert.throws(() => concat([], 0), {
    name: "RangeError",
    message: "Cannot concatenate nothing: at least one tensor is needed",
  });
  assert.throws(() => concat([x, device.zeros([3, 3])], 1), {
    message: "Cannot concatenate [2, 3] and [3, 3] along axis 1: all other sizes must match",
  });
  assert.throws(() => concat([x, device.zeros([2, 3], "i32")], 1), {
    message: "Cannot apply concat: every input must hold f32, got i32",
  });
  assert.throws(() => concat([x], 2), {
    message: "Cannot apply concat: axis 2 is out of range for shape [2, 3]; use -2 to 1",
  });
});
