import assert from "node:assert/strict";
import { plackettLuce } from "../../src/ops/plackett_luce.ts";
import {
  gaussianCloseness,
  plackettLuceRepulsionOp,
  plackettLuceWithRepulsion,
} from "../../src/ops/plackett_luce_repulsion.ts";
import { sum } from "../../src/ops/reduce.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { drawReference, orderedChoices, randomDraws } from "./ordered_draws.ts";

const shapes = (rows: number, cols: number, k: number) => [[rows, cols], [rows, cols], [rows, k], [rows], [cols, cols]];
const everything = (n: number) => Array(n).fill(1);
const given = (rows: number, cols: number, k: number, width: number) => {
  const { valid, picks } = randomDraws(rows, cols, k, seededRandom(rows));
  return [undefined, valid, picks, undefined, gaussianCloseness(cols, width, 1.5)];
};

checkOp(plackettLuceRepulsionOp, {
  reference: {
    forward: (inputs) => drawReference(inputs).logP,
    backward: (inputs, _outputs, [grad]) => {
      const { dscores, dstrength } = drawReference(inputs, grad);
      return [dscores, null, null, dstrength, null];
    },
  },
  integers: [1, 2],
  cases: [
    { shapes: shapes(1, 1, 1), values: [undefined, [1], [0]], note: "one cell" },
    { shapes: shapes(3, 7, 3), values: given(3, 7, 3, 3), note: "random, padded" },
    { shapes: shapes(5, 13, 13), values: given(5, 13, 13, 4), note: "random, padded" },
    { shapes: shapes(33, 49, 12), values: given(33, 49, 12, 7), note: "random, padded" },
    { shapes: shapes(1, 4, 4), values: [undefined, everything(4), [-1, 2, -1, 0], [-0.7]], note: "gaps, attraction" },
    { shapes: shapes(1, 5, 5), values: [Array(5).fill(2), everything(5), [4, 0, 3, 1, 2], [0]], note: "no push, ties" },
    {
      shapes: shapes(3, 4, 4),
      values: [
        [80, -80, 0, 79, 500, -500, 499, 0, 300, 300, 301, 302],
        everything(12),
        [1, 0, 3, 2, 0, 2, 3, 1, 0, 2, 3, 1],
        [100, 0.5, 1],
        gaussianCloseness(4, 2, 0.5),
      ],
      note: "extremes",
    },
    ...[256, 9].map((k) => {
      const random = seededRandom(k), { valid, picks } = randomDraws(1, 256, k, random, k === 256 ? 2 : 0.7);
      return {
        shapes: shapes(1, 256, k),
        values: [undefined, valid, picks, [0.8], gaussianCloseness(256, 16, 2)],
        note: "long",
      };
    }),
  ],
});

for (const [n, k] of [[4, 2], [5, 5], [6, 3]] as const) {
  Deno.test(`plackett_luce_repulsion: all ordered choices of ${k} of ${n} together have probability 1`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const choices = orderedChoices(n, k), random = seededRandom(n * k);
    const scores = Array.from({ length: n }, () => 6 * random() - 3);
    const logP = await sum(
      plackettLuceWithRepulsion(
        device.tensor(choices.flatMap(() => scores), [choices.length, n]),
        device.tensor(Int32Array.from(choices.flatMap(() => everything(n))), [choices.length, n]),
        device.tensor(Int32Array.from(choices.flat()), [choices.length, k]),
        { strength: device.tensor([2.5]), closeness: device.tensor(gaussianCloseness(n, 3, 1), [n, n]) },
      ),
      1,
    ).data();
    assertAllClose([[...logP].reduce((total, lp) => total + Math.exp(lp), 0)], [1], 1e-5);
  });
}

Deno.test("plackett_luce_repulsion: strength 0 is plackett_luce, and one strength serves all rows", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const rows = 6, cols = 12, k = 5, random = seededRandom(1), draws = randomDraws(rows, cols, k, random);
  const scores = device.tensor(Array.from({ length: rows * cols }, () => 4 * random() - 2), [rows, cols]);
  const valid = device.tensor(Int32Array.from(draws.valid), [rows, cols]);
  const picks = device.tensor(Int32Array.from(draws.picks), [rows, k]);
  const closeness = device.tensor(gaussianCloseness(cols, 4, 1), [cols, cols]);
  const run = (strength: number, size: number) => {
    const tensor = device.full([size], strength);
    tensor.requiresGrad = true;
    const logP = plackettLuceWithRepulsion(scores, valid, picks, { strength: tensor, closeness });
    return { logP, grad: gradients(sum(logP), [tensor])[0]! };
  };
  assertAllClose(await run(0, 1).logP.data(), await plackettLuce(scores, valid, picks).data(), 1e-6);
  const shared = run(0.7, 1), single = run(0.7, rows);
  assert.deepEqual(await shared.logP.data(), await single.logP.data());
  assert.deepEqual(shared.grad.shape, [1]);
  assertAllClose(await shared.grad.data(), [[...await single.grad.data()].reduce((a, b) => a + b)], 1e-5);
});

Deno.test("plackett_luce_repulsion: a forced pick counts nothing, an impossible one gives NaN", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = device.tensor([3, 1, 0.1, 0, 0, 0], [2, 3]), strength = device.tensor([2, 2]);
  scores.requiresGrad = strength.requiresGrad = true;
  const valid = device.tensor(Int32Array.of(0, 0, 1, 1, 1, 1), [2, 3]);
  const picks = device.tensor(Int32Array.of(2, -1, -1, 0, 0, 3), [2, 3]);
  const closeness = device.tensor(gaussianCloseness(3, 3, 1), [3, 3]);
  const logP = plackettLuceWithRepulsion(scores, valid, picks, { strength, closeness });
  assertAllClose(await logP.data(), [0, 0, 0, -Math.log(3), NaN, NaN], 1e-6);
  const [dscores, dstrength] = gradients(sum(logP), [scores, strength]);
  assertAllClose(await dscores!.data(), [0, 0, 0, 2 / 3, -1 / 3, -1 / 3], 1e-6);
  assertAllClose(await dstrength!.data(), [0, 0], 0);
});

Deno.test("gaussianCloseness falls with the distance on the grid", () => {
  const closeness = gaussianCloseness(6, 3, 2);
  assertAllClose(
    closeness.slice(0, 6),
    [0, 1, 4, 1, 2, 5].map((squared) => Math.exp(-squared / 8)),
    1e-7,
  );
  assert.equal(closeness[4 * 6 + 2], closeness[2 * 6 + 4]);
  assert.throws(() => gaussianCloseness(4, 2, 0), {
    name: "RangeError",
    message: "Cannot weigh distances: sigma must be above 0, got 0",
  });
});

Deno.test("plackett_luce_repulsion refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = device.zeros([2, 3]), valid = device.zeros([2, 3], "i32"), picks = device.zeros([2, 2], "i32");
  const strength = device.zeros([2]), closeness = device.zeros([3, 3]);
  const refuses = (message: string, repulsion: Partial<{ strength: typeof scores; closeness: typeof scores }>) =>
    assert.throws(() => plackettLuceWithRepulsion(scores, valid, picks, { strength, closeness, ...repulsion }), {
      name: "RangeError",
      message: `Cannot apply plackett_luce_repulsion: ${message}`,
    });
  refuses("strength must have shape [1] or [2], got [3]", { strength: device.zeros([3]) });
  refuses("strength must have shape [1] or [2], got [2, 3]", { strength: scores });
  refuses("strength must hold f32, got i32", { strength: device.zeros([2], "i32") });
  refuses("closeness must have shape [3, 3], got [2, 3]", { closeness: scores });
  refuses("closeness must hold f32, got i32", { closeness: device.zeros([3, 3], "i32") });
});
