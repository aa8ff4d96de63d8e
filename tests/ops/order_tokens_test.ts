import assert from "node:assert/strict";
import { contentSteps, orderTokens, orderTokensOp } from "../../src/ops/order_tokens.ts";
import { permutation } from "../../src/tensor/philox.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** Permutations of `0 .. length - 1`, a row each. */
function orders(rows: number, length: number): number[] {
  return Array.from({ length: rows }, (_, row) => [...permutation(length, [row, length])]).flat();
}

checkOp(orderTokensOp, {
  reference: {
    forward([tokens, order, classes], { classBase, noClass }) {
      const before = (b: number, i: number) => order!.at(b, i - 1);
      return [
        Ref.from(order!.shape, ([b, i]) => {
          if (i! > 0) return tokens!.at(b!, before(b!, i!));
          return classes!.at(b!) < 0 ? noClass : classBase + classes!.at(b!);
        }),
        Ref.from(order!.shape, ([b, i]) => i! > 0 ? before(b!, i!) : -1),
        Ref.from(order!.shape, ([b, i]) => tokens!.at(b!, order!.at(b!, i!))),
      ];
    },
  },
  integers: [0, 1, 2],
  cases: [
    { shapes: [[1, 1], [1, 1], [1]], values: [[7], [0], [3]], attributes: { classBase: 10, noClass: 20 } },
    {
      shapes: [[3, 5], [3, 5], [3]],
      values: [Array.from({ length: 15 }, (_, i) => 100 + i), orders(3, 5), [2, -1, 0]],
      attributes: { classBase: 1000, noClass: 5000 },
    },
    {
      shapes: [[2, 67], [2, 67], [2]],
      values: [Array.from({ length: 134 }, (_, i) => i), orders(2, 67), [-4, 9]],
      attributes: { classBase: 200, noClass: 210 },
    },
  ],
});

Deno.test("order_tokens: the class is seen from step 0 on, a token from the step after its own", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const steps = device.tensor(Int32Array.of(0, 0, 1, 3, 0, 2, 2, 2), [2, 4]);
  assert.deepEqual([...await contentSteps(steps).data()], [0, 1, 1, 2, 0, 1, 3, 3]);
});

Deno.test("order_tokens refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const ids = (...shape: number[]) => device.zeros(shape, "i32");
  const options = { classBase: 0, noClass: 1 };
  assert.throws(() => orderTokens(ids(2, 3), ids(2, 4), ids(2), options), {
    name: "RangeError",
    message: /order must have shape \[2, 3\], got \[2, 4\]/,
  });
  assert.throws(() => orderTokens(ids(2, 3), ids(2, 3), ids(3), options), { name: "RangeError", message: /classes/ });
  assert.throws(() => orderTokens(device.zeros([2, 3]), ids(2, 3), ids(2), options), {
    name: "RangeError",
    message: /tokens must hold i32, got f32/,
  });
});
