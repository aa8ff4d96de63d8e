import assert from "node:assert/strict";
import { add, mul } from "../../src/ops/elementwise_binary.ts";
import { groupAdvantage } from "../../src/ops/group_advantage.ts";
import { sum } from "../../src/ops/reduce.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import { logProbsOf, reconsider } from "../../src/policy/policy_choice.ts";
import { decisionColumns, decisionLoss, type DecisionLossOptions } from "../../src/rl/decision_loss.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { stir } from "../policy/tiny_policy.ts";
import { cells, openPolicy, TinyPaintings } from "./tiny_paintings.ts";

const options: DecisionLossOptions = {
  clipLow: 0.2,
  clipHigh: 0.28,
  delta: 3,
  normalisation: "constant_length",
  ratio: "decision",
  klCoef: 0,
  entropyCoef: 0,
};

const column = (values: ArrayLike<number>, name: typeof decisionColumns[number]) =>
  values[decisionColumns.indexOf(name)]!;

async function valuesOf(tensors: readonly { data(): Promise<ArrayLike<number>> }[]): Promise<number[]> {
  return (await Promise.all(tensors.map((tensor) => tensor.data()))).flatMap((values) => [...Array.from(values)]);
}

for (const batch of [1, 14]) {
  for (const network of ["conv", "attention", "mlp"] as const) {
    Deno.test(`decisionLoss: every ratio is 1 before the first update, ${network}, ${batch} paintings`, async () => {
      const device = await testDevice();
      using _scope = device.scope();
      const paintings = await TinyPaintings.of(device, batch, { network });
      stir(paintings.policy, 2);
      paintings.paint(3);
      const decisions = device.noGrad(() => paintings.choice.decisions(0, batch));
      const advantage = device.tensor(Float32Array.from({ length: batch }, (_, b) => b - 3));
      const { statistics } = decisionLoss(paintings.policy, decisions, paintings.worth(advantage), options);
      const found = await statistics.data();
      for (const name of ["log_ratio_max", "log_ratio_max_degree"] as const) {
        assert.ok(column(found, name) < 1e-4, `${name} ${column(found, name)}`);
      }
      assert.equal(column(found, "clip_fraction"), 0);
      assert.ok(column(found, "entropy_degree") > 0.05 && column(found, "entropy_degree") < 1);
      paintings.dispose();
    });
  }
}

Deno.test("decisionLoss: without advantage there is no policy gradient; with one inner epoch it is REINFORCE's", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const batch = 10;
  const paintings = await TinyPaintings.of(device, batch), { policy } = paintings;
  stir(policy, 2);
  paintings.paint(5);
  const decisions = device.noGrad(() => paintings.choice.decisions(0, batch));
  const parameters = [...policy.parameters().values()];
  const nothing = decisionLoss(policy, decisions, paintings.worth(device.zeros([batch])), options);
  const still = await valuesOf(gradients(nothing.loss, parameters));
  assert.ok(still.every((value) => value === 0));

  const worth = Float32Array.from({ length: batch }, (_, b) => Math.sin(b + 1));
  const { loss } = decisionLoss(policy, decisions, paintings.worth(device.tensor(worth)), options);
  const found = await valuesOf(gradients(loss, parameters));
  // REINFORCE: -sum of A log p over the decisions, divided by the constants N picks and T_ref degrees a painting.
  const { max_steps: steps } = policy.config, most = decisions.picks.shape[1]!;
  const rows = Array.from({ length: steps * batch }, (_, row) => row % batch);
  const [made, madePicks] = await device.read([decisions.made.degree, decisions.made.picks]);
  const degreeWeight = rows.map((b, row) => -made![row]! * worth[b]! / (batch * paintings.wanted[b]!));
  const pickWeight = rows.flatMap((b, row) =>
    Array.from({ length: most }, (_, i) => -madePicks![row * most + i]! * worth[b]! / (batch * cells))
  );
  const logp = logProbsOf(policy, reconsider(policy, decisions), decisions);
  const reinforce = add(
    sum(mul(logp.degree, device.tensor(Float32Array.from(degreeWeight)))),
    sum(mul(logp.picks, device.tensor(Float32Array.from(pickWeight), logp.picks.shape))),
  );
  const expected = await valuesOf(gradients(reinforce, parameters));
  assert.ok(Math.max(...expected.map(Math.abs)) > 1e-3, "there is something to learn");
  assertAllClose(found, expected, 1e-4);
  paintings.dispose();
});

Deno.test("decisionLoss: weights of every normalisation add up to what they say", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const batch = 6;
  const paintings = await TinyPaintings.of(device, batch);
  const { cost } = paintings.paint(2);
  const decisions = device.noGrad(() => paintings.choice.decisions(0, batch));
  const spent = await cost.data();
  const steps = Array.from({ length: batch }, (_, b) => spent[2 * b]!);
  // At ratio 1 and advantage -1 the loss is the sum of the weights of degrees and picks.
  const ones = device.full([batch], -1);
  const totalOf = async (normalisation: DecisionLossOptions["normalisation"]) =>
    await decisionLoss(paintings.policy, decisions, paintings.worth(ones), { ...options, normalisation }).loss.item();
  assertAllClose([await totalOf("sequence_mean")], [2], 1e-5);
  assertAllClose([await totalOf("token_mean")], [2], 1e-5);
  const degrees = steps.reduce((total, count, b) => total + count / (batch * paintings.wanted[b]!), 0);
  assertAllClose([await totalOf("constant_length")], [1 + degrees], 1e-5);
  assert.ok(new Set(steps).size > 1, `steps ${steps}`);
  paintings.dispose();
});

Deno.test("decisionLoss: divergences are exact, 0 at the start; entropies are 1 for uniform orders", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const batch = 8;
  const paintings = await TinyPaintings.of(device, batch);
  paintings.paint(2);
  const decisions = device.noGrad(() => paintings.choice.decisions(0, batch));
  const worth = paintings.worth(device.zeros([batch]));
  const before = await decisionLoss(paintings.policy, decisions, worth, options).statistics.data();
  assertAllClose([column(before, "kl_degree"), column(before, "kl_position")], [0, 0], 1e-6);
  assertAllClose([column(before, "entropy_position")], [1], 1e-5);
  assert.equal(column(before, "repulsion"), 0);
  stir(paintings.policy, 2);
  const { statistics, loss } = decisionLoss(paintings.policy, decisions, worth, {
    ...options,
    klCoef: 2,
    entropyCoef: 3,
  });
  const after = await statistics.data();
  const [klD, klP, hD, hP] = (["kl_degree", "kl_position", "entropy_degree", "entropy_position"] as const)
    .map((name) => column(after, name));
  assert.ok(klD! > 0.01 && klP! > 0.01 && hP! < 0.99);
  assertAllClose([await loss.item()], [2 * (klD! + klP!) - 3 * (hD! + hP!)], 1e-5);
  paintings.dispose();
});

Deno.test("decisionLoss: with trust in an order the divergence is from that order's first pick", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const batch = 8, prior = { ...openPolicy.prior!, trust: 0.5 };
  const paintings = await TinyPaintings.of(device, batch, { prior });
  paintings.paint(2);
  const decisions = device.noGrad(() => paintings.choice.decisions(0, batch));
  const worth = paintings.worth(device.zeros([batch]));
  const statistics = () => decisionLoss(paintings.policy, decisions, worth, options).statistics.data();
  const before = await statistics();
  assertAllClose([column(before, "kl_position"), column(before, "trust")], [0, 0.5], 1e-6);
  assert.ok(column(before, "entropy_position") < 0.9);
  paintings.policy.parameters().get("trust.bias")!.write(Float32Array.of(Math.log(2)));
  const after = await statistics();
  assertAllClose([column(after, "trust")], [1], 1e-6);
  // Of n cells with p_i ~ exp(-place) against q_i ~ exp(-place / 2), a mean over the steps.
  const seen = await decisions.valid.cells.data(), made = await decisions.made.degree.data();
  const lawOf = (trust: number, n: number) => {
    const weights = Array.from({ length: n }, (_, i) => Math.exp(-trust * i)),
      total = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / total);
  };
  const rows = [...made].flatMap((is, row) => is ? [row] : []);
  const divergences = rows.map((row) => {
    const n = seen.subarray(row * cells, (row + 1) * cells).filter((place) => place > 0).length, q = lawOf(0.5, n);
    return lawOf(1, n).reduce((sum, p, i) => sum + p * Math.log(p / q[i]!), 0);
  });
  assertAllClose([column(after, "kl_position")], [divergences.reduce((a, b) => a + b) / rows.length], 1e-5);
  paintings.dispose();
});

/** Trains on a reward of the steps of all cells; returns its mean over the last updates and over the first. */
async function learn(
  reward: (painted: ArrayLike<number>, b: number) => number,
  updates: number,
): Promise<{ before: number; after: number; paintings: TinyPaintings; painted: ArrayLike<number> }> {
  const device = await testDevice();
  const batch = 48;
  const paintings = await TinyPaintings.of(device, batch, { hidden_dim: 16, layers: 1 });
  const parameters = [...paintings.policy.parameters().values()];
  const optimizer = new AdamW(device, parameters, { betas: [0.9, 0.99], weightDecay: 0, maxGradNorm: 1 });
  const rewards = device.persistent(() => device.zeros([batch]));
  const { painted } = paintings.paint(0);
  const step = device.capture(() => {
    const { advantage } = device.noGrad(() => groupAdvantage(rewards, { groupSize: batch / 2, form: "mean_std" }));
    const decisions = device.noGrad(() => paintings.choice.decisions(0, batch));
    optimizer.step(
      gradients(decisionLoss(paintings.policy, decisions, paintings.worth(advantage), options).loss, parameters),
    );
  });
  const means: number[] = [];
  optimizer.learningRate.value = 0.02;
  for (let n = 0; n < updates; n++) {
    paintings.paint(n);
    const seen = await painted.data();
    const values = Float32Array.from({ length: batch }, (_, b) => reward(seen.subarray(b * cells, (b + 1) * cells), b));
    means.push(values.reduce((a, b) => a + b) / batch);
    rewards.write(values);
    for (let epoch = 0; epoch < 2; epoch++) {
      optimizer.advance();
      step.replay();
    }
  }
  const part = (from: number, to: number) => means.slice(from, to).reduce((a, b) => a + b) / (to - from);
  const last = [...await painted.data()];
  step.dispose();
  return { before: part(0, 3), after: part(updates - 3, updates), paintings, painted: last };
}

Deno.test("a toy bandit: GRPO finds the best number of steps", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const best = 3; // no target: neither 2 nor 4
  const reward = (painted: ArrayLike<number>) => -Math.abs(Math.max(...Array.from(painted)) + 1 - best);
  const { before, after, paintings } = await learn(reward, 30);
  paintings.dispose();
  assert.ok(before < -0.6 && after > -0.1, `reward ${before} -> ${after}`);
});

Deno.test("a toy bandit: GRPO finds the best order", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // The left half first: how much earlier its cells are painted than those of the right half, in steps.
  const reward = (painted: ArrayLike<number>) =>
    Array.from(painted).reduce((total, step, cell) => total + (cell % 4 < 2 ? -step : step), 0) / cells;
  const { before, after, paintings, painted } = await learn(reward, 18);
  paintings.dispose();
  assert.ok(Math.abs(before) < 0.15 && after > 0.5, `reward ${before} -> ${after}`);
  const left = Array.from(painted).filter((step, i) => i % 4 < 2 && step === 0).length;
  const right = Array.from(painted).filter((step, i) => i % 4 >= 2 && step === 0).length;
  assert.ok(left > 4 * right, `${left} cells of the left half in first steps, ${right} of the right`);
});
