import assert from "node:assert/strict";
import { Efficiency, type EfficiencyForm } from "../../src/rewards/efficiency.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const maxCost = 64;

/** Rewards of pictures under a form. */
async function rewards(form: EfficiencyForm, quality: number[], cost: number[], reference: number[]) {
  const device = await testDevice();
  using _scope = device.scope();
  const efficiency = new Efficiency(device, form);
  return [
    ...await efficiency.combine(device.tensor(quality), device.tensor(cost), device.tensor(reference)).data(),
  ];
}

Deno.test("Efficiency: each form by its formula, NaN stays", async () => {
  const q = [0.8, 0.5, 0.9, 0.4, NaN], c = [16, 64, 2, 40, 8], ref = [32, 48, 60, 16, 8];
  const additive: EfficiencyForm = { form: "additive", weight: 0.3, maxCost };
  assertAllClose(await rewards(additive, q, c, ref), q.map((quality, i) => quality + 0.3 * (1 - c[i]! / 64)), 1e-6);
  for (const alpha of [0, 0.5, 1, 2]) {
    // At the maximum nothing is left, and a picture far cheaper than the hand schedule's counts as twice as fast.
    const bases = [48 / 32, 0, 2, 24 / 48, 1];
    const found = await rewards({ form: "multiplicative", alpha, maxCost }, q, c, ref);
    assertAllClose(found, q.map((quality, i) => quality * bases[i]! ** alpha), 1e-5, `alpha ${alpha}`);
  }
  const constraint: EfficiencyForm = { form: "constraint", slack: 0.05, rate: 1, start: 3 };
  assertAllClose(
    await rewards(constraint, q, c, ref),
    q.map((quality, i) => (3 * quality - c[i]! / ref[i]!) / 4),
    1e-6,
  );
});

Deno.test("Efficiency: a reference at the greatest cost still gives numbers", async () => {
  const found = await rewards({ form: "multiplicative", alpha: 1, maxCost }, [0.5, 0.5], [64, 32], [64, 64]);
  assert.deepEqual(found, [0, 1]);
});

Deno.test("Efficiency: only the classic sum prefers the fast bad picture", async () => {
  // Semantics and quality under the classic weights 1.0 and 0.5; the third weight is efficiency's 0.3.
  const good = 1.0 * 0.30 + 0.5 * 0.20, bad = 1.0 * 0.15 + 0.5 * 0.05;
  const prefersGood = async (form: EfficiencyForm) => {
    const [slow, fast] = await rewards(form, [good, bad], [60, 2], [60, 60]);
    return slow! > fast!;
  };
  assert.equal(await prefersGood({ form: "additive", weight: 0.3, maxCost }), false);
  assert.equal(await prefersGood({ form: "multiplicative", alpha: 1, maxCost }), true);
  // Cheap as the fast picture is at the lambda of the beginning, the shortfall makes it dearer until the good one wins.
  const device = await testDevice();
  using _scope = device.scope();
  const constraint = new Efficiency(device, { form: "constraint", slack: 0.05, rate: 0.5, start: 0 });
  const pictures = [[good, bad], [60, 2], [60, 60]].map((values) => device.tensor(values));
  const [slow, fast] = [device.tensor([good]), device.tensor([bad])];
  const step = device.capture(() => ({
    total: constraint.combine(pictures[0]!, pictures[1]!, pictures[2]!),
    means: constraint.adaptive!.observe(fast, slow),
  }));
  const margins: number[] = [];
  for (let update = 0; update < 20; update++) {
    step.replay();
    const [total, means] = await device.read([step.result.total, step.result.means]);
    margins.push(total![0]! - total![1]!);
    constraint.adaptive!.adapt(means as Float32Array);
  }
  step.dispose();
  assert.ok(margins[0]! < 0 && margins.at(-1)! > 0, `margins ${margins}`);
});

/** Steps that a toy policy may take, and how good its pictures then are: more is better, with less and less to gain. */
const arms = [2, 4, 8, 16, 24, 32, 48];
const qualityOf = (steps: number) => 0.9 * (1 - Math.exp(-steps / 8));

/** Trains a softmax over the arms by its expected reward; steps and quality over the last third of the updates. */
async function trainBandit(form: EfficiencyForm): Promise<{ steps: number; quality: number }> {
  const device = await testDevice();
  using _scope = device.scope();
  const efficiency = new Efficiency(device, form);
  const qualities = arms.map(qualityOf), hand = device.tensor([qualityOf(48)]);
  const expected = device.zeros([1]);
  const [quality, cost, reference] = [qualities, arms, arms.map(() => 48)].map((values) => device.tensor(values));
  const step = device.capture(() => ({
    total: efficiency.combine(quality!, cost!, reference!),
    means: efficiency.adaptive!.observe(expected, hand),
  }));
  let logits = arms.map(() => 0);
  const updates = 300, means = { steps: 0, quality: 0 };
  for (let update = 0; update < updates; update++) {
    const weights = logits.map(Math.exp), total = weights.reduce((a, b) => a + b);
    const mean = (values: ArrayLike<number>) => weights.reduce((sum, w, i) => sum + w / total * values[i]!, 0);
    if (update >= 2 * updates / 3) {
      means.steps += mean(arms) / (updates / 3);
      means.quality += mean(qualities) / (updates / 3);
    }
    expected.write(Float32Array.of(mean(qualities)));
    step.replay();
    const [reward, seen] = await device.read([step.result.total, step.result.means]);
    const baseline = mean(reward!);
    logits = logits.map((logit, i) => logit + 5 * weights[i]! / total * (reward![i]! - baseline));
    efficiency.adaptive!.adapt(seen as Float32Array);
  }
  step.dispose();
  return means;
}

Deno.test("Efficiency: a bandit under the constraint takes the fewest steps that keep the quality", async () => {
  const found = await trainBandit({ form: "constraint", slack: 0.05, rate: 0.3, start: 4 });
  // 24 steps reach 0.95 of the hand schedule's quality, 16 only 0.87.
  assert.ok(Math.abs(found.quality / qualityOf(48) - 0.95) < 0.02, `quality ${found.quality}`);
  assert.ok(found.steps > 16 && found.steps < 32, `steps ${found.steps}`);
});

Deno.test("Efficiency refuses numbers without a meaning, and shapes that differ", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refused = (form: EfficiencyForm, message: string) =>
    assert.throws(() => new Efficiency(device, form), { name: "RangeError", message });
  refused({ form: "additive", weight: -1, maxCost }, "Cannot reward efficiency: weight must be at least 0, got -1");
  refused(
    { form: "multiplicative", alpha: NaN, maxCost },
    "Cannot reward efficiency: alpha must be at least 0, got NaN",
  );
  refused({ form: "additive", weight: 1, maxCost: 0 }, "Cannot reward efficiency: maxCost must be above 0, got 0");
  const efficiency = new Efficiency(device, { form: "additive", weight: 1, maxCost });
  const [two, three] = [device.zeros([2]), device.zeros([3])];
  assert.throws(() => efficiency.combine(two, three, two), {
    name: "RangeError",
    message: "Cannot apply efficiency: cost must have shape [2], got [3]",
  });
  assert.throws(() => efficiency.combine(two, two, three), {
    name: "RangeError",
    message: "Cannot apply efficiency: reference must have shape [2], got [3]",
  });
});
