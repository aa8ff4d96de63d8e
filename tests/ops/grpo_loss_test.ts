import assert from "node:assert/strict";
import { grpoLoss, grpoLossOp, type GrpoOptions, grpoStatistics, type GrpoTokens } from "../../src/ops/grpo_loss.ts";
import { sum } from "../../src/ops/reduce.ts";
import type { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";

interface Token {
  readonly rho: number;
  readonly a: number;
  readonly e: number;
  readonly w: number;
}

function tokenAt([logpNew, logpOld, logpRef, advantage, weight]: readonly Ref[], i: number): Token {
  const cols = logpNew!.shape[1]!;
  const rho = Math.exp(logpNew!.data[i]! - logpOld!.data[i]!), e = logpRef!.data[i]! - logpNew!.data[i]!;
  return { rho, e, a: advantage!.data[Math.floor(i / cols)]!, w: weight!.data[i]! };
}

/** The two sides of the minimum, and the cap on the loss. */
function surrogates({ rho, a }: Token, { clipLow, clipHigh, delta = Infinity }: GrpoOptions) {
  const clipped = Math.min(Math.max(rho, 1 - clipLow), 1 + clipHigh) * a;
  return { gain: rho * a, clipped, cap: a < 0 ? -delta * a : Infinity };
}

const divergences = {
  none: { value: (_e: number) => 0, rate: (_e: number) => 0 },
  k2: { value: (e: number) => e * e / 2, rate: (e: number) => -e },
  k3: { value: (e: number) => Math.expm1(e) - e, rate: (e: number) => -Math.expm1(e) },
};

const plain: GrpoOptions = { clipLow: 0.2, clipHigh: 0.2, beta: 0.04, klEstimator: "k3" };

checkOp(grpoLossOp, {
  reference: {
    forward: (inputs, options) =>
      inputs[0]!.map((_, i) => {
        const token = tokenAt(inputs, i), { gain, clipped, cap } = surrogates(token, options);
        const divergence = divergences[options.klEstimator].value(token.e);
        return token.w * (Math.min(-Math.min(gain, clipped), cap) + options.beta * divergence);
      }),
    backward: (inputs, _outputs, [dloss], options) => {
      const grad = inputs[0]!.map((_, i) => {
        const token = tokenAt(inputs, i), { gain, clipped, cap } = surrogates(token, options);
        const rate = gain <= clipped && -gain <= cap ? -gain : 0;
        return dloss!.data[i]! * token.w * (rate + options.beta * divergences[options.klEstimator].rate(token.e));
      });
      return [grad, null, null, null, null];
    },
  },
  sample: (u, input) => input < 3 ? u - 2 : input === 3 ? 4 * u - 2 : u / 8,
  cases: [
    { shapes: [[1, 1], [1, 1], [1, 1], [1], [1, 1]], attributes: plain },
    { shapes: [[8, 10], [8, 10], [8, 10], [8], [8, 10]], attributes: plain },
    {
      shapes: [[5, 13], [5, 13], [5, 13], [5], [5, 13]],
      attributes: { clipLow: 0.1, clipHigh: 0.28, delta: 1.5, beta: 0.3, klEstimator: "k2" },
    },
    {
      shapes: [[3, 33], [3, 33], [3, 33], [3], [3, 33]],
      attributes: { clipLow: 0.2, clipHigh: 0.28, beta: 1, klEstimator: "none" },
    },
    {
      shapes: [[1, 4], [1, 4], [1, 4], [1], [1, 4]],
      values: [[-1, -1, -1, -1], [-1, -1.001, -1, -1.4], [-1.00001, -1, -3, -9], [0], [1, 1, 1, 0]],
      attributes: plain,
      note: "no advantage, and a token of weight 0",
    },
  ],
});

function tokensOf(device: Device, rows: number, cols: number, values: readonly ArrayLike<number>[]): GrpoTokens {
  const matrix = (i: number) => device.tensor(Float32Array.from(values[i]!), [rows, cols]);
  const advantage = device.tensor(Float32Array.from(values[3]!));
  return { logpNew: matrix(0), logpOld: matrix(1), logpRef: matrix(2), advantage, weight: matrix(4) };
}

Deno.test("grpo_loss without advantage has no gradient, however far the policies are apart", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const tokens = tokensOf(device, 1, 4, [[-1, -900, 0, -1], [-900, -1, -90, -1], [0, 0, 0, 0], [0], [1, 1, 1, 1]]);
  tokens.logpNew.requiresGrad = true;
  const [grad] = gradients(sum(grpoLoss(tokens, { ...plain, beta: 0 })), [tokens.logpNew]);
  assert.deepEqual([...await grad!.data()].map(Math.abs), [0, 0, 0, 0]);
});

Deno.test("grpo_loss ignores NaN under weight 0 and shows it elsewhere", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const tokens = tokensOf(device, 1, 3, [[NaN, NaN, -1], [-1, -1, -1], [-1, -1, -1], [1], [0, 1, 1]]);
  for (const options of [plain, { ...plain, klEstimator: "none" }] as const) {
    assert.deepEqual([...await grpoLoss(tokens, options).data()], [0, NaN, -1]);
  }
});

Deno.test("the divergence of nearly equal policies keeps its digits", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const differences = Float32Array.of(1e-3, -1e-4, 1e-2, 0.3, -0.49);
  const tokens = tokensOf(device, 1, 5, [new Float32Array(5), new Float32Array(5), differences, [0], [1, 1, 1, 1, 1]]);
  const found = await grpoLoss(tokens, { ...plain, beta: 1 }).data();
  differences.forEach((e, i) => {
    // In float64 expm1(e) - e itself loses digits below 1e-4: the leading terms stand in.
    const expected = Math.abs(e) < 2e-3 ? e * e / 2 + e ** 3 / 6 + e ** 4 / 24 : Math.expm1(e) - e;
    assert.ok(Math.abs(found[i]! / expected - 1) < 1e-6, `k3 of ${e}: ${found[i]} for ${expected}`);
  });
});

for (const [rows, cols] of [[1, 1], [3, 7], [10, 7000], [1000, 1000]] as const) {
  Deno.test(`grpoStatistics [${rows}, ${cols}] against the reference, twice the same bits`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const random = seededRandom(rows), n = rows * cols;
    const values = [n, n, n, rows, n].map((length, input) =>
      Float32Array.from({ length }, () => input === 4 ? Math.floor(2 * random() + 0.5) : random() - 0.5)
    );
    if (n === 1) values[4]![0] = 1;
    const inputs = values.map((data, i) => new Ref(i === 3 ? [rows] : [rows, cols], data));
    const expected = [0, 0, 0, 0];
    let tokens = 0;
    for (let i = 0; i < n; i++) {
      const { rho, a, e, w } = tokenAt(inputs, i);
      if (w === 0) continue;
      tokens++;
      expected[0]! += Math.expm1(e) - e;
      expected[1]! += (rho < 0.8 && a < 0) || (rho > 1.3 && a > 0) ? 1 : 0;
      expected[2] = Math.max(expected[2]!, rho);
      expected[3] = Math.max(expected[3]!, Math.abs(Math.log(rho)));
    }
    expected[0]! /= tokens;
    expected[1]! /= tokens;
    const given = tokensOf(device, rows, cols, values), range = { clipLow: 0.2, clipHigh: 0.3 };
    const [first, second] = await device.read([grpoStatistics(given, range), grpoStatistics(given, range)]);
    assertAllClose(first!, expected, 2e-6);
    assert.deepEqual(first, second);
  });
}

Deno.test("grpoStatistics shows NaN, and no token at all as zeros", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const some = tokensOf(device, 1, 2, [[-1, NaN], [-1, -1], [-1, -1], [1], [1, 1]]);
  const none = tokensOf(device, 1, 2, [[-1, NaN], [-1, -1], [-1, -1], [1], [0, 0]]);
  const [shown, empty] = await device.read([grpoStatistics(some, plain), grpoStatistics(none, plain)]);
  assert.deepEqual([...shown!], [NaN, 0, NaN, NaN]);
  assert.deepEqual([...empty!], [0, 0, 0, 0]);
});

Deno.test("grpo_loss refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const tokens = tokensOf(device, 2, 3, [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0], [
    1,
    1,
    1,
    1,
    1,
    1,
  ]]);
  const wrong: [Partial<GrpoTokens>, string][] = [
    [{ logpNew: device.zeros([3]) }, "logp_new must have 2 axes, got shape [3]"],
    [{ logpOld: device.zeros([3, 2]) }, "logp_old must have shape [2, 3], got [3, 2]"],
    [{ logpRef: device.zeros([2]) }, "logp_ref must have shape [2, 3], got [2]"],
    [{ advantage: device.zeros([3]) }, "advantage must have shape [2], got [3]"],
    [{ weight: device.zeros([2, 4]) }, "weight must have shape [2, 3], got [2, 4]"],
    [{ weight: device.zeros([2, 3], "i32") }, "weight must hold f32, got i32"],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => grpoLoss({ ...tokens, ...change }, plain), {
      name: "RangeError",
      message: `Cannot apply grpo_loss: ${message}`,
    });
    assert.throws(() => grpoStatistics({ ...tokens, ...change }, plain), {
      name: "RangeError",
      message: `Cannot apply grpo_statistics: ${message}`,
    });
  }
});
