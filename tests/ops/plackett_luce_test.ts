import assert from "node:assert/strict";
import { gumbelTopK } from "../../src/ops/gumbel_top_k.ts";
import { plackettLuce, plackettLuceOp } from "../../src/ops/plackett_luce.ts";
import { sum } from "../../src/ops/reduce.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { chiSquare, countRows, drawReference, orderedChoices, randomDraws } from "./ordered_draws.ts";

const shapes = (rows: number, cols: number, k: number) => [[rows, cols], [rows, cols], [rows, k]];
const everything = (n: number) => Array(n).fill(1);

checkOp(plackettLuceOp, {
  reference: {
    forward: (inputs) => drawReference(inputs).logP,
    backward: (inputs, _outputs, [grad]) => [drawReference(inputs, grad).dscores, null, null],
  },
  integers: [1, 2],
  cases: [
    { shapes: shapes(1, 1, 1), values: [undefined, [1], [0]], note: "one cell" },
    { shapes: shapes(1, 4, 1), values: [undefined, [1, 1, 0, 1], [3]], note: "one pick" },
    ...([[3, 7, 3], [5, 13, 13], [37, 49, 16]] as const).map(([rows, cols, k]) => {
      const { valid, picks } = randomDraws(rows, cols, k, seededRandom(rows));
      return { shapes: shapes(rows, cols, k), values: [undefined, valid, picks], note: "random, padded" };
    }),
    { shapes: shapes(2, 3, 5), values: [undefined, [1, 1, 1, 0, 0, 0], [2, 0, 1, -1, -1, ...Array(5).fill(-1)]] },
    { shapes: shapes(2, 4, 4), values: [undefined, everything(8), [-1, 2, -1, 0, -1, -1, -1, 3]], note: "gaps" },
    { shapes: shapes(1, 6, 4), values: [Array(6).fill(0.3), everything(6), [5, 0, 3, 1]], note: "ties" },
    {
      shapes: shapes(4, 4, 4),
      values: [
        [80, -80, 0, 79, 500, -500, 499, 0, -3e4, -3e4, -3.0001e4, 0, 1e4, 1e4, 1e4 + 1, -1e4],
        everything(16),
        [1, 0, 3, 2, 0, 2, 3, 1, 0, 2, 3, 1, 2, 3, 1, 0],
      ],
      note: "extremes",
    },
    {
      shapes: shapes(1, 5, 3),
      values: [[30001, 30000, 30002.5, 29999, 30000], everything(5), [3, 2, 0]],
      note: "all far from 0",
    },
    ...[256, 8].map((k) => {
      const random = seededRandom(k), { valid, picks } = randomDraws(2, 256, k, random, k === 256 ? 2 : 0.7);
      const scores = Array.from({ length: 512 }, () => 20 * random() - 10);
      return { shapes: shapes(2, 256, k), values: [scores, valid, picks], note: "long" };
    }),
    {
      shapes: shapes(1, 256, 256),
      values: [
        Array.from({ length: 256 }, (_, j) => (j * 97 % 256) / 2),
        everything(256),
        Array.from({ length: 256 }, (_, i) => i * 37 % 256),
      ],
      note: "long and steep",
    },
  ],
});

for (const [n, k] of [[1, 1], [4, 2], [5, 5], [6, 3], [6, 6]] as const) {
  Deno.test(`plackett_luce: all ordered choices of ${k} of ${n} together have probability 1`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const choices = orderedChoices(n, k), random = seededRandom(n * k);
    const scores = Array.from({ length: n }, () => 6 * random() - 3);
    const logP = await sum(
      plackettLuce(
        device.tensor(choices.flatMap(() => scores), [choices.length, n]),
        device.tensor(Int32Array.from(choices.flatMap(() => everything(n))), [choices.length, n]),
        device.tensor(Int32Array.from(choices.flat()), [choices.length, k]),
      ),
      1,
    ).data();
    assertAllClose([[...logP].reduce((total, lp) => total + Math.exp(lp), 0)], [1], 1e-5);
  });
}

Deno.test("plackett_luce: a single choice has log-probability 0 and no gradient, exactly", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = device.tensor([1e4, 3, 0.1, 7, -2, 5, -60, 60, 1], [3, 3]);
  scores.requiresGrad = true;
  const valid = device.tensor(Int32Array.of(0, 1, 0, 1, 0, 0, 0, 0, 1), [3, 3]);
  const logP = plackettLuce(scores, valid, device.tensor(Int32Array.of(1, -1, 0, -1, -1, 2), [3, 2]));
  assert.deepEqual([...await logP.data()], [0, 0, 0, 0, 0, 0]);
  const grad = await gradients(sum(logP), [scores])[0]!.data();
  assert.ok(grad.every((g) => g === 0), `${grad}`);
});

Deno.test("plackett_luce gives NaN to what cannot be picked, and no gradient", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = device.tensor([0, 0, 0, 0], [1, 4]);
  scores.requiresGrad = true;
  const valid = device.tensor(Int32Array.of(1, 1, 1, 0), [1, 4]);
  const logP = plackettLuce(scores, valid, device.tensor(Int32Array.of(0, 3, 0, 4, -2, 1, 2), [1, 7]));
  const found = await logP.data();
  assertAllClose(found, [-Math.log(3), NaN, NaN, NaN, NaN, -Math.LN2, 0], 1e-6);
  const expected = [2 / 3, -1 / 3 + 1 / 2, -1 / 3 - 1 / 2, 0];
  assertAllClose(await gradients(sum(logP), [scores])[0]!.data(), expected, 1e-6);
});

Deno.test("plackett_luce gives a row the same bits in any batch", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const random = seededRandom(3), rows = 50, cols = 49, k = 12;
  const scores = Float32Array.from({ length: rows * cols }, () => 10 * random() - 5);
  const { valid, picks } = randomDraws(rows, cols, k, random);
  const run = (from: number, to: number) => {
    const part = <T extends { slice(a: number, b: number): T }>(x: T, width: number) =>
      x.slice(from * width, to * width);
    return plackettLuce(
      device.tensor(part(scores, cols), [to - from, cols]),
      device.tensor(part(Int32Array.from(valid), cols), [to - from, cols]),
      device.tensor(part(Int32Array.from(picks), k), [to - from, k]),
    ).data();
  };
  const all = await run(0, rows);
  assert.deepEqual(await run(0, 7), all.slice(0, 7 * k));
  assert.deepEqual(await run(31, 32), all.slice(31 * k, 32 * k));
});

Deno.test("plackett_luce is the law of gumbelTopK", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = [0.5, -1, 0, 1.5], draws = 20_000, k = 3;
  const choices = orderedChoices(4, k);
  const batch = (rows: number) =>
    [
      device.tensor(Array.from({ length: rows }, () => scores).flat(), [rows, 4]),
      device.tensor(Int32Array.from(everything(rows * 4)), [rows, 4]),
    ] as const;
  const picks = device.tensor(Int32Array.from(choices.flat()), [choices.length, k]);
  const logP = await sum(plackettLuce(...batch(choices.length), picks), 1).data();
  const drawn = await gumbelTopK(...batch(draws), device.tensor(Int32Array.from({ length: draws }, (_, i) => i)), {
    k,
    temperature: 1,
    key: { seed: 1, stream: 2, step: 3, purpose: 4 },
  }).data();
  const law = new Map(choices.map((choice, i) => [choice.join(), Math.exp(logP[i]!)]));
  const distance = chiSquare(countRows(drawn, k), law, draws);
  assert.ok(distance < 49.7, `chi-square ${distance}`); // 23 degrees of freedom: 0.1 % lie beyond
});

Deno.test("plackett_luce of 20,000 cells and 10,000 picks", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const n = 20_000, k = 10_000;
  const scores = device.zeros([1, n]), valid = device.full([1, n], 1, "i32");
  scores.requiresGrad = true;
  const picks = device.tensor(Int32Array.from({ length: k }, (_, i) => 2 * i), [1, k]);
  const logP = plackettLuce(scores, valid, picks);
  const expected = Float64Array.from({ length: k }, (_, i) => -Math.log(n - i));
  assertAllClose(await logP.data(), expected, 1e-5);
  const grad = await gradients(sum(logP), [scores])[0]!.data();
  const all = expected.reduce((total, lp) => total + Math.exp(lp), 0);
  assertAllClose([grad[0]!, grad[2 * k - 2]!, grad[1]!, grad[n - 1]!], [1 - 1 / n, 1 - all, -all, -all], 1e-5);
});

Deno.test("plackett_luce refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = device.zeros([2, 3]), valid = device.zeros([2, 3], "i32"), picks = device.zeros([2, 2], "i32");
  const refuses = (message: string, [s, v, p] = [scores, valid, picks]) =>
    assert.throws(() => plackettLuce(s!, v!, p!), {
      name: "RangeError",
      message: `Cannot apply plackett_luce: ${message}`,
    });
  refuses("scores must have 2 axes, got shape [3]", [device.zeros([3]), valid, picks]);
  refuses("scores must hold f32, got i32", [valid, valid, picks]);
  refuses("valid must have shape [2, 3], got [2, 2]", [scores, picks, picks]);
  refuses("valid must hold i32 or u32, got f32", [scores, scores, picks]);
  refuses("picks must hold i32, got f32", [scores, valid, scores]);
  refuses("picks must have 2 axes, got shape [2]", [scores, valid, device.zeros([2], "i32")]);
  refuses("picks must have shape [2, 1], got [1, 1]", [scores, valid, device.zeros([1, 1], "i32")]);
  refuses("a row may hold at most 32767 cells and picks together, got 32766 and 2", [
    device.zeros([1, 32766]),
    device.zeros([1, 32766], "i32"),
    device.zeros([1, 2], "i32"),
  ]);
});
