import assert from "node:assert/strict";
import { rotary2d, type Rotary2dAttributes, rotary2dOp, rotaryTable2d } from "../../src/ops/rotary_2d.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** Turns every pair by its entry of the table; `direction` -1 is the inverse. */
function turn([x, cells, table]: readonly Ref[], { width }: Rotary2dAttributes, direction: number): Ref {
  const quarter = x!.shape[3]! / 4;
  return Ref.from(x!.shape, ([b, h, t, c]) => {
    const cell = cells!.shape.length === 2 ? cells!.at(b!, t!) : cells!.at(t!);
    if (cell < 0 || cell >= table!.shape[0]! * width) return 0;
    const pair = Math.floor(c! / 2), odd = c! % 2;
    const position = pair < quarter ? Math.floor(cell / width) : cell % width;
    const [cos, sin] = [0, 1].map((part) => table!.at(position, pair % quarter, part)) as [number, number];
    const other = x!.at(b!, h!, t!, c! + 1 - 2 * odd);
    return x!.at(b!, h!, t!, c!) * cos + direction * (odd ? other : -other) * sin;
  });
}

checkOp(rotary2dOp, {
  reference: {
    forward: (inputs, attributes) => turn(inputs, attributes, 1),
    backward: ([_x, cells, table], _outputs, [dy], attributes) => [
      turn([dy!, cells!, table!], attributes, -1),
      null,
      null,
    ],
  },
  integers: [1],
  cases: [
    { shapes: [[1, 1, 1, 4], [1], [1, 1, 2]], values: [undefined, [0]], attributes: { width: 1 } },
    {
      shapes: [[2, 3, 5, 12], [5], [4, 3, 2]],
      values: [undefined, [-1, 0, 5, 11, 7]],
      attributes: { width: 3 },
      note: "odd quarter",
    },
    {
      shapes: [[2, 2, 3, 8], [2, 3], [7, 2, 2]],
      values: [undefined, [-1, 48, 13, 6, -5, 42]],
      attributes: { width: 7 },
      note: "cells of each sample",
    },
    {
      shapes: [[1, 1, 2, 4], [2], [4, 1, 2]],
      values: [undefined, [12, 11]],
      attributes: { width: 3 },
      note: "a cell beyond the table",
    },
    { shapes: [[1, 1, 3, 64], [3], [9, 16, 2]], values: [undefined, [3, 0, 8]], attributes: { width: 9 } },
  ],
});

Deno.test("rotary_2d: the table holds cos and sin of position times 10000^(-2m / (D / 2))", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const table = rotaryTable2d(device, 24, 16);
  assert.deepEqual(table.shape, [24, 4, 2]);
  const angle = (position: number, m: number) => position / 10000 ** (2 * m / 8);
  const expected = Ref.from([24, 4, 2], ([p, m, part]) => part ? Math.sin(angle(p!, m!)) : Math.cos(angle(p!, m!)));
  assertAllClose(await table.data(), expected.data, 1e-7);
});

Deno.test("rotary_2d: products of queries and keys depend on the difference of their cells alone", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const table = rotaryTable2d(device, 16, 8);
  const q = [1, -2, 0.5, 3, -1, 2, 0.25, 1], k = [0.5, 1, -1, 2, 2, -0.5, 1, -3];
  const at = (x: number[], cell: number) =>
    rotary2d(device.tensor(x, [1, 1, 1, 8]), device.tensor(Int32Array.of(cell), [1]), table, 16);
  const pairs = [[0, 0, 2, 3], [9, 4, 11, 7], [13, 12, 15, 15]].map(([r0, c0, r1, c1]) => [
    at(q, r0! * 16 + c0!),
    at(k, r1! * 16 + c1!),
  ]);
  const data = await device.read(pairs.flat());
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => q.reduce((sum, _, c) => sum + a[c]! * b[c]!, 0);
  const products = pairs.map((_, i) => dot(data[2 * i]!, data[2 * i + 1]!));
  assertAllClose(products, products.map(() => products[0]!), 1e-5);
  assert.notEqual(products[0], dot(q, k));
});

Deno.test("rotary_2d: refuses what does not match", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([2, 1, 3, 8]), cells = device.zeros([3], "i32"), table = device.zeros([4, 2, 2]);
  const refuses = (body: () => unknown, message: string) =>
    assert.throws(body, new RangeError(`Cannot apply rotary_2d: ${message}`));
  refuses(() => rotary2d(device.zeros([3, 8]), cells, table, 2), "x must have 4 axes, got shape [3, 8]");
  refuses(() => rotary2d(device.zeros(x.shape, "i32"), cells, table, 2), "x must hold f32, got i32");
  refuses(() => rotary2d(x, device.zeros([3]), table, 2), "cells must hold i32, got f32");
  refuses(() => rotary2d(x, device.zeros([4], "i32"), table, 2), "cells must have shape [3], got [4]");
  refuses(() => rotary2d(x, device.zeros([1, 3], "i32"), table, 2), "cells must have shape [2, 3], got [1, 3]");
  refuses(() => rotary2d(x, cells, device.zeros([4]), 2), "table must have 3 axes, got shape [4]");
  refuses(
    () => rotary2d(x, cells, device.zeros([4, 1, 2]), 2),
    "table must have shape [4, 2, 2], got [4, 1, 2]",
  );
  refuses(() => rotary2d(x, cells, table, 5), "grid width must be 1 to 4, the positions of the table, got 5");
  const odd = "head size must be a multiple of 4 (pairs on two axes), got 6";
  refuses(() => rotary2d(device.zeros([2, 1, 3, 6]), cells, table, 2), odd);
  refuses(() => rotaryTable2d(device, 4, 6), odd);
});
