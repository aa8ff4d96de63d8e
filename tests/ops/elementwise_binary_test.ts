import assert from "node:assert/strict";
import {
  add,
  type BinaryFunction,
  div,
  elementwiseBinaryOp,
  maximum,
  minimum,
  mul,
  sub,
} from "../../src/ops/elementwise_binary.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { broadcastAll, sumBack } from "../support/broadcast_ref.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import type { Ref } from "../support/ref.ts";

const values: Record<BinaryFunction, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  minimum: (a, b) => a <= b ? a : b,
  maximum: (a, b) => a >= b ? a : b,
};

const slopes: Record<BinaryFunction, (a: number, b: number) => [number, number]> = {
  add: () => [1, 1],
  sub: () => [1, -1],
  mul: (a, b) => [b, a],
  div: (a, b) => [1 / b, -a / (b * b)],
  minimum: (a, b) => a <= b ? [1, 0] : [0, 1],
  maximum: (a, b) => a >= b ? [1, 0] : [0, 1],
};

const shapes = [
  [[1], [1]],
  [[7], [7]],
  [[3, 65], [3, 65]],
  [[5, 8], [8]],
  [[5, 7], [7]],
  [[7, 1], [1, 5]],
  [[6, 1], [6, 12]],
  [[3, 4, 5], [4, 1]],
  [[], [2, 3]],
  [[2, 1, 3, 1, 2, 4], [1, 3, 1, 2, 1, 4]],
  [[3, 1, 2, 1, 3, 1], [2, 1, 3, 1, 5]],
];

for (const name of Object.keys(values) as BinaryFunction[]) {
  checkOp(elementwiseBinaryOp, {
    reference: {
      forward: (inputs) => {
        const [a, b] = broadcastAll(inputs);
        return a!.zip(b!, values[name]);
      },
      backward: (inputs, _outputs, [dy]) => {
        const [a, b] = broadcastAll(inputs) as [Ref, Ref];
        return inputs.map(({ shape }, side) =>
          sumBack(dy!.map((d, i) => d * slopes[name](a.data[i]!, b.data[i]!)[side]!), shape)
        );
      },
    },
    cases: shapes.map((shapes) => ({ shapes, attributes: { function: name }, note: name })),
    // Quotients need a denominator away from 0.
    ...(name === "div" ? { sample: (u: number, input: number) => input ? 0.5 + u : 4 * u - 2 } : {}),
  });
  checkOp(elementwiseBinaryOp, {
    reference: {
      forward: ([x], { number }) =>
        x!.map((v) => number!.side === "left" ? values[name](number!.value, v) : values[name](v, number!.value)),
      backward: ([x], _outputs, [dy], { number }) => {
        const left = number!.side === "left", c = number!.value;
        return [dy!.map((d, i) => {
          const v = x!.data[i]!;
          return d * (left ? slopes[name](c, v)[1] : slopes[name](v, c)[0]);
        })];
      },
    },
    cases: (["left", "right"] as const).map((side) => ({
      shapes: [[3, 7]],
      attributes: { function: name, number: { value: 1.25, side } },
      note: `${name} number on the ${side}`,
    })),
    ...(name === "div" ? { sample: (u: number) => 0.5 + u } : {}),
  });
}

Deno.test("binary functions of many elements: equal shapes, a row, and gradients", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const many = (length: number, period: number) => Float32Array.from({ length }, (_, i) => i % period - 3);
  for (const [size, other] of [[70_001, 70_001], [1_000_000, 1_000_000], [70_000, 100]] as const) {
    const [x, y] = [many(size, 1009), many(other, 101)];
    const a = device.tensor(x, size === other ? [size] : [size / other, other]), b = device.tensor(y, [other]);
    a.requiresGrad = true;
    const product = mul(a, b);
    assert.deepEqual(await product.data(), x.map((v, i) => v * y[i % other]!));
    const [da] = product.node!.backward([a], [true, false]);
    assert.deepEqual(await da!.data(), x.map((v, i) => v * y[i % other]!));
  }
});

Deno.test("binary functions take numbers on either side", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 4]);
  const results = [add(x, 2), sub(1, x), mul(3, x), div(8, x), minimum(x, 2), maximum(2, x), sub(x, x)];
  const expected = [[3, 4, 6], [0, -1, -3], [3, 6, 12], [8, 4, 2], [1, 2, 2], [2, 2, 4], [0, 0, 0]];
  for (const [i, data] of (await device.read(results)).entries()) assert.deepEqual([...data], expected[i]);
});

Deno.test("one tensor on both sides gets both gradients", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.parameter(Float32Array.of(3), []);
  const [dx] = gradients(mul(x, x), [x]);
  assert.deepEqual([...await dx!.data()], [6]);
  x.dispose();
});

Deno.test("minimum and maximum pass NaN on and give ties to the first operand", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const a = device.tensor([NaN, 1, Infinity, 2]), b = device.tensor([1, NaN, -Infinity, 2]);
  const [low, high] = await device.read([minimum(a, b), maximum(a, b)]);
  assert.deepEqual([...low!], [NaN, NaN, -Infinity, 2]);
  assert.deepEqual([...high!], [NaN, NaN, Infinity, 2]);
  const p = device.tensor([2], []), q = device.tensor([2], []);
  p.requiresGrad = q.requiresGrad = true;
  const [dp, dq] = await device.read(gradients(minimum(p, q), [p, q]));
  assert.deepEqual([dp![0], dq![0]], [1, 0]);
});

Deno.test("binary functions refuse what does not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const f32 = device.zeros([2, 3]);
  assert.throws(() => add(f32, device.zeros([4])), {
    name: "RangeError",
    message: "Cannot add [2, 3] and [4]: sizes must be equal or 1, got 3 and 4 at axis 1",
  });
  assert.throws(() => mul(f32, device.zeros([2, 3], "i32")), {
    message: "Cannot apply mul: b must hold f32, got i32",
  });
  assert.throws(() => div(1, 2), { message: "Cannot div 1 and 2: one of them must be a tensor" });
  assert.throws(() => sub(device.zeros([2, 1, 2, 1, 2, 1, 2]), device.zeros([1, 2, 1, 2, 1, 2, 1])), {
    message: "Cannot sub [2, 1, 2, 1, 2, 1, 2] and [1, 2, 1, 2, 1, 2, 1]: at most 6 alternating axes can be " +
      "broadcast, got 7; reshape to fewer axes",
  });
});
