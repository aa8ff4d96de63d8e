import assert from "node:assert/strict";
import { add, mul } from "../../src/ops/elementwise_binary.ts";
import { gaussianCloseness } from "../../src/ops/plackett_luce_repulsion.ts";
import { logSoftmax } from "../../src/ops/log_softmax.ts";
import { sum } from "../../src/ops/reduce.ts";
import { decisionLogProbs, invalidLogit } from "../../src/policy/decision.ts";
import type { DecodingPolicy } from "../../src/policy/decoding_policy.ts";
import {
  type DecodingPolicyConfig,
  decodingPolicySchema,
  decodingPolicyShapes,
} from "../../src/policy/decoding_policy_config.ts";
import { spacedDegrees } from "../../src/policy/degree_rule.ts";
import { gradients } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { PolicyReference, type ReferenceRow } from "./policy_reference.ts";
import { networks, questions, stir, tinyPolicy, tinyPolicyConfig } from "./tiny_policy.ts";

type Questions = ReturnType<typeof questions>;

/** A prior that keeps to an order a little. */
const trusting = { ...tinyPolicyConfig.prior, order: "halton", trust: 0.25 } as const;

/** Answers of a policy, and the log-probabilities of the decisions under it. */
function ask(policy: DecodingPolicy, { state, classes, valid, prior, decision }: Questions) {
  const output = policy.forward(state, classes, valid, prior);
  const { strength } = output, { closeness } = policy;
  const repulsion = strength && closeness ? { strength, closeness } : undefined;
  return { ...output, logProbs: decisionLogProbs(output.heads, decision, repulsion) };
}

/** The same questions on the host. */
async function referenceRows({ state, rows }: Questions): Promise<ReferenceRow[]> {
  const [, cells, features] = state.cells.shape as [number, number, number],
    [, wide] = state.canvas.shape as [number, number];
  const [of, whole] = [[...await state.cells.data()], [...await state.canvas.data()]];
  return rows.map((row, b) => ({
    ...row,
    cells: Array.from(
      { length: cells },
      (_, n) => of.slice((b * cells + n) * features, (b * cells + n + 1) * features),
    ),
    canvas: whole.slice(b * wide, (b + 1) * wide),
  }));
}

const sumOf = ({ logProbs }: ReturnType<typeof ask>) => add(sum(logProbs.degree), sum(logProbs.picks));

for (const network of networks) {
  Deno.test(`DecodingPolicy ${network}: starts as its prior with uniform orders, whatever it sees`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    for (const repulsion of [null, { sigma: 1.5 }]) {
      const policy = tinyPolicy(device, { network, repulsion });
      const asked = questions(device, policy.config, 6);
      const { heads, strength, logProbs } = ask(policy, asked);
      const { prior, valid, rows } = asked;
      const wanted = rows.flatMap(({ prior, degrees }) => {
        const total = prior.reduce((sum, p, i) => sum + (degrees[i] ? Math.exp(p) : 0), 0);
        return prior.map((p, i) => degrees[i] ? p - Math.log(total) : 0);
      });
      const shown = mul(
        logSoftmax(heads.degreeLogits),
        device.tensor(Float32Array.from(await valid.degrees.data()), prior.shape),
      );
      assertAllClose(await shown.data(), wanted, 1e-6);
      const uniform = rows.flatMap(({ free, picks }) => {
        const left = free.filter((place) => place > 0).length;
        return picks.map((pick, i) => pick < 0 ? 0 : -Math.log(left - i));
      });
      assertAllClose(await logProbs.picks.data(), uniform, 1e-6);
      const scores = await heads.scores.data(), cells = rows.flatMap(({ free }) => free);
      assert.ok(scores.every((score, i) => cells[i] ? score === 0 : score < -1e29));
      if (repulsion) assert.ok((await strength!.data()).every((value) => value === 0));
      else assert.equal(strength, null);
    }
  });

  Deno.test(`DecodingPolicy ${network}: with trust it starts as the order it is told, and keeps to it`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const policy = tinyPolicy(device, { network, prior: trusting });
    const asked = questions(device, policy.config, 6);
    const { heads, trust } = ask(policy, asked);
    assertAllClose(await trust!.data(), new Array(6).fill(0.25), 1e-6);
    const wanted = asked.rows.flatMap(({ free }) => free.map((place) => place ? 0.25 * (1 - place) : invalidLogit));
    assertAllClose(await heads.scores.data(), wanted, 1e-6);
    const prior = await policy.orderScores(asked.valid)!.data();
    assertAllClose(prior, wanted.map((score) => score === invalidLogit ? 0 : score), 1e-6);
    assert.equal(tinyPolicy(device, { network }).orderScores(asked.valid), null);
  });

  Deno.test(`DecodingPolicy ${network}: at the start exactly the last layers have gradients, strength and trust among them`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const policy = tinyPolicy(device, { network, prior: trusting });
    const parameters = policy.parameters();
    const grads = await device.read(
      gradients(sumOf(ask(policy, questions(device, policy.config, 6))), [...parameters.values()]),
    );
    const moved = [...parameters.keys()].filter((_, i) => grads[i]!.some((g) => g !== 0));
    const last = network === "mlp"
      ? ["policy.parallel_head.2", "policy.position_head.2", "strength", "trust"]
      : ["score", "degree", "strength", "trust"];
    assert.deepEqual(
      moved,
      last.flatMap((name) => name === "score" ? [`${name}.weight`] : [`${name}.weight`, `${name}.bias`]),
    );
  });

  Deno.test(`DecodingPolicy ${network}: says what its definition says, and gradients are slopes along every parameter`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    for (const cells of [9, 16]) {
      const prior = cells === 9 ? trusting : tinyPolicyConfig.prior;
      const policy = tinyPolicy(device, { network, cells, max_steps: cells, hidden_dim: cells === 9 ? 8 : 32, prior });
      stir(policy);
      const asked = questions(device, policy.config, cells === 9 ? 3 : 1);
      const parameters = policy.parameters(), tensors = [...parameters.values()], names = [...parameters.keys()];
      const found = ask(policy, asked);
      const grads = await device.read(gradients(sumOf(found), tensors));
      const values = (await device.read(tensors)).map((data) => Float64Array.from(data));
      const reference = new PolicyReference(policy.config, new Map(names.map((name, i) => [name, values[i]!])));
      const rows = await referenceRows(asked);
      assertAllClose(await found.strength!.data(), rows.map((row) => reference.forward(row).strength), 1e-5);
      const whole = () => rows.reduce((sum, row) => sum + reference.logProb(row), 0);
      assertAllClose([await sumOf(found).item()], [whole()], 1e-5);

      // In float64 a distance of 1e-6 is enough, which meets no kink of a ReLU or of a maximum.
      const random = seededRandom(3), h = 1e-6;
      for (const [i, name] of names.entries()) {
        const start = values[i]!.slice(), grad = grads[i]!, norm = Math.hypot(...grad) || 1;
        const direction = start.map((_, j) => grad[j]! / norm + (random() - 0.5) / Math.sqrt(start.length));
        const at = (distance: number) => {
          values[i]!.set(start.map((value, j) => value + distance * direction[j]!));
          return whole();
        };
        const slope = (at(h) - at(-h)) / (2 * h), formula = direction.reduce((sum, d, j) => sum + d * grad[j]!, 0);
        values[i]!.set(start);
        const message = `${name}: ${formula} by the formula, ${slope} by differences`;
        assert.ok(Math.abs(formula - slope) <= 1e-4 * Math.max(1, Math.abs(slope)), message);
      }
    }
  });

  Deno.test(`DecodingPolicy ${network}: a row gets the same answer in any batch`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const policy = tinyPolicy(device, { network, cells: 16, hidden_dim: 32, max_steps: 16 });
    stir(policy);
    const whole = ask(policy, questions(device, policy.config, 40));
    for (const [first, batch] of [[0, 4], [7, 1], [20, 20]] as const) {
      const part = ask(policy, questions(device, policy.config, batch, first));
      const same = async (pick: (of: typeof whole) => Tensor) => {
        // What is masked is the same in both; beside it, every other difference would look small.
        const read = async (tensor: Tensor) =>
          Array.from(await tensor.data(), (value) => value === invalidLogit ? 0 : value);
        const few = await read(pick(part)), many = await read(pick(whole)), width = few.length / batch;
        assertAllClose(few, many.slice(first * width, (first + batch) * width), 1e-6);
      };
      await same(({ heads }) => heads.scores);
      await same(({ heads }) => heads.degreeLogits);
      await same(({ strength }) => strength!);
      await same(({ logProbs }) => logProbs.picks);
    }
  });
}

Deno.test("DecodingPolicy: parameters have the names and shapes of decodingPolicyShapes, with and without repulsion and trust", async () => {
  const device = await testDevice();
  for (const network of networks) {
    for (const change of [{ repulsion: null }, { repulsion: { sigma: 2 } }, { prior: trusting }]) {
      const policy = tinyPolicy(device, { network, ...change });
      const found = [...policy.parameters()].map(([name, { shape }]) => [name, [...shape]]);
      assert.deepEqual(found, [...decodingPolicyShapes(policy.config)]);
    }
  }
});

Deno.test("DecodingPolicy: below half a million parameters at the sizes of digits and of ImageNet", () => {
  const count = (change: Partial<DecodingPolicyConfig>) =>
    [...decodingPolicyShapes({ ...tinyPolicyConfig, degrees: spacedDegrees(64), classes: 10, ...change }).values()]
      .reduce((sum, shape) => sum + sizeOf(shape), 0);
  const counts = networks.map((network) =>
    ([[64, 2, 49], [64, 3, 256], [96, 3, 49], [96, 3, 256]] as const).map(([hidden_dim, layers, cells]) =>
      count({ network, hidden_dim, layers, cells })
    )
  );
  assert.deepEqual(counts, [
    [88845, 139021, 277741, 297613],
    [82061, 128781, 253165, 273037],
    [35614, 115309, 64142, 183581],
  ]);
  const many = networks.map((network) => count({ network, hidden_dim: 96, layers: 3, cells: 256, classes: 1000 }));
  assert.ok([...counts.flat(), ...many].every((size) => size < 500_000), `${many}`);
});

Deno.test("DecodingPolicy: records into a capture and replays without the host", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const network of networks) {
    const policy = tinyPolicy(device, { network });
    stir(policy);
    const asked = questions(device, policy.config, 2);
    const direct = await ask(policy, asked).logProbs.picks.data();
    const captured = device.noGrad(() => device.capture(() => ask(policy, asked)));
    captured.replay();
    assert.deepEqual(await captured.result.logProbs.picks.data(), direct);
    captured.dispose();
  }
});

Deno.test("DecodingPolicy: closeness is that of the grid, and no parameter", async () => {
  const device = await testDevice();
  const { closeness } = tinyPolicy(device);
  assertAllClose(await closeness!.data(), gaussianCloseness(9, 3, 1), 1e-7);
  assert.equal(tinyPolicy(device, { repulsion: null }).closeness, null);
});

Deno.test("DecodingPolicy refuses sizes that make none, in one line", async () => {
  const device = await testDevice();
  const refused = (change: Partial<DecodingPolicyConfig>, message: string) =>
    assert.throws(() => tinyPolicy(device, change), { name: "RangeError", message });
  refused({ hidden_dim: 6 }, "Cannot make a decoding policy: hidden_dim must be a multiple of 4, got 6");
  refused({ layers: 0 }, "Cannot make a decoding policy: layers must be a positive integer, got 0");
  refused({ cells: 8 }, "Cannot make a decoding policy: cells must be a square number, got 8");
  refused({ max_steps: 2 }, "Cannot paint 9 cells in 2 steps: the degrees 1, 2, 3, 4 need 3 steps");
  refused({ repulsion: { sigma: 0 } }, "Cannot weigh distances: sigma must be above 0, got 0");
});

Deno.test("decodingPolicySchema: a file that names no rule of the prior means arccos in random order", () => {
  const { width, floor } = tinyPolicyConfig.prior;
  const { prior } = decodingPolicySchema.parse({ ...tinyPolicyConfig, prior: { width, floor } });
  assert.deepEqual(prior, { schedule: "arccos", width, floor, order: "random", trust: 0 });
});
