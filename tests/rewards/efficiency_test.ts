import assert from "node:assert/strict";
import { combineRewards } from "../../src/rewards/combine.ts";
import { Efficiency, type EfficiencyForm } from "../../src/rewards/efficiency.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

/** Of one step a cell. */
const mostCost = 49;
const constraint = { form: "constraint", slack: 0.1, rate: 0.5 } as const;

Deno.test("Efficiency: a fast bad image beats a slow good one by the classic sum alone", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // The classic weights: 1.0 and 0.5 for what an image is worth, 0.3 for steps saved. The good image keeps to its 40 steps.
  const scores = device.tensor([0.3, 0.45]), steps = device.tensor([1, 40]);
  const quality = combineRewards([{ scores, weight: 1 }, { scores, weight: 0.5 }], "sum");
  const reference = { quality: 1.5 * 0.45, cost: device.full([2], 40) };
  const fastWins = async (form: EfficiencyForm) => {
    const [fast, slow] = await new Efficiency(device, form, mostCost).combine(quality, steps, reference).data();
    return fast! > slow!;
  };
  assert.equal(await fastWins({ form: "additive", weight: 0.3 }), true);
  assert.equal(await fastWins({ form: "multiplicative", alpha: 0.25 }), false);
  assert.equal(await fastWins(constraint), false);
  assert.equal(await fastWins({ form: "none" }), false);
});

Deno.test("Efficiency: each form by its formula, NaN stays", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const q = [0.8, 0.8, 0.8, 0.5, NaN, 0.8], c = [8, 4, 49, 1, 8, 60], ref = [8, 8, 8, 48.9, 8, 8];
  const reward = async (form: EfficiencyForm, quality: number | number[] = 0.8) =>
    await new Efficiency(device, form, mostCost).combine(device.tensor(q), device.tensor(c), {
      quality: typeof quality === "number" ? quality : device.tensor(quality),
      cost: device.tensor(ref),
    }).data();
  const wanted = (formula: (q: number, c: number, ref: number) => number) =>
    q.map((v, i) => formula(v, c[i]!, ref[i]!));
  assertAllClose(await reward({ form: "none" }), q, 1e-7);
  assertAllClose(await reward({ form: "additive", weight: 0.3 }), wanted((q, c) => q + 0.3 * (1 - c / 49)), 1e-6);
  for (const alpha of [0.5, 1, 2]) {
    const ratio = (c: number, ref: number) => Math.min(Math.max((49 - c) / (49 - ref), 0), 2);
    const found = await reward({ form: "multiplicative", alpha });
    assertAllClose(found, wanted((q, c, ref) => q * ratio(c, ref) ** alpha), 1e-5);
  }
  const lagrangian = (q: number, c: number, ref: number, qRef: number) => (10 * q / qRef + 1 - c / ref) / 11;
  assertAllClose(await reward(constraint), wanted((q, c, ref) => lagrangian(q, c, ref, 0.8)), 1e-6);
  assertAllClose(await reward(constraint, [0.7]), wanted((q, c, ref) => lagrangian(q, c, ref, 0.7)), 1e-6);
  const each = [0.6, 0.7, 0.8, 0.9, 1, 0.5];
  assertAllClose(await reward(constraint, each), q.map((v, i) => lagrangian(v, c[i]!, ref[i]!, each[i]!)), 1e-6);
});

Deno.test("Efficiency: the dual variable settles where the cheapest good enough painting wins", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // A policy that always takes the best number of steps of 1 to 40; quality saturates in them.
  const steps = Array.from({ length: 40 }, (_, i) => i + 1), qualities = steps.map((c) => 0.9 * (1 - Math.exp(-c / 6)));
  const efficiency = new Efficiency(device, constraint, mostCost);
  const [quality, cost] = [device.tensor(qualities), device.tensor(steps)];
  const reference = { quality: device.tensor([qualities[39]!]), cost: device.full([40], 40) };
  const chosen: number[] = [];
  for (let update = 0; update < 150; update++) {
    using _update = device.scope();
    const rewards = await efficiency.combine(quality, cost, reference).data();
    const best = rewards.indexOf(Math.max(...rewards));
    chosen.push(steps[best]!);
    const seen = await efficiency.observe(device.tensor([qualities[best]!]), reference)!.data();
    efficiency.adapt(seen as Float32Array);
  }
  // 0.9 of the reference's quality needs 14 steps: 6 ln 10 = 13.8.
  assert.ok(chosen[0]! > 20, `begins with quality first: ${chosen[0]} steps`);
  const last = chosen.slice(-30);
  const mean = last.reduce((a, b) => a + b) / 30;
  assert.ok(mean > 12.5 && mean < 15.5, `ends at the cheapest good enough: ${mean} steps`);
});

Deno.test("Efficiency: lambda follows the gap, ignores what says nothing, keeps its bounds", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const efficiency = new Efficiency(device, constraint, mostCost);
  const after = (...values: [number, number]) => {
    efficiency.adapt(Float32Array.from(values));
    return efficiency.dual;
  };
  assert.equal(efficiency.dual, 10);
  assertAllClose([after(0.3, 0.6)], [10 * Math.exp(0.5 * 0.4)], 1e-5);
  const before = efficiency.dual;
  for (const values of [[NaN, 0.5], [0.5, NaN], [0.5, 0], [0, 0], [0.5, -1]] as const) {
    assert.equal(after(...values), before);
  }
  for (let i = 0; i < 20; i++) after(100, 1);
  assertAllClose([efficiency.dual], [0.01], 1e-6);
  for (let i = 0; i < 60; i++) after(0, 1);
  assert.equal(efficiency.dual, 1000);
});

Deno.test("Efficiency: a restored dual variable gives the same rewards, bit for bit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const quality = device.tensor([0.3, 0.9]), cost = device.tensor([1, 8]);
  const reference = { quality: 0.9, cost: device.tensor([8, 8]) };
  const [first, second] = [0, 1].map(() => new Efficiency(device, constraint, mostCost));
  first!.adapt(Float32Array.of(0.123, 0.456));
  const [data] = await device.read([...first!.state().values()]);
  second!.restore(new Map([["dual", { shape: [1], data: data! }]]));
  assert.equal(second!.dual, first!.dual);
  const rewards = await device.read([first, second].map((each) => each!.combine(quality, cost, reference)));
  assert.deepEqual(rewards[0], rewards[1]);
  for (const each of [first!, second!]) each.adapt(Float32Array.of(0.1, 0.2));
  assert.equal(second!.dual, first!.dual);
  assert.throws(() => second!.restore(new Map()), {
    name: "UserError",
    message: "Cannot restore efficiency: the state has no dual, wanted f32 [1]",
  });
});

Deno.test("Efficiency: the other forms follow nothing and keep nothing", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const efficiency = new Efficiency(device, { form: "additive", weight: 0.3 }, mostCost);
  assert.equal(efficiency.observe(device.tensor([1]), { quality: 1 }), null);
  assert.equal(efficiency.state().size, 0);
  efficiency.restore(new Map());
  efficiency.adapt(Float32Array.of(0, 1));
  assert.equal(efficiency.dual, 10);
});

Deno.test("Efficiency refuses costs of another number than the images, and a largest cost of nothing", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const efficiency = new Efficiency(device, { form: "none" }, mostCost);
  const two = device.zeros([2]), three = device.zeros([3]);
  assert.throws(() => efficiency.combine(two, three, { quality: 1, cost: two }), {
    name: "RangeError",
    message: "Cannot apply efficiency: cost must have shape [2], got [3]",
  });
  assert.throws(() => efficiency.combine(two, two, { quality: 1, cost: three }), {
    name: "RangeError",
    message: "Cannot apply efficiency: reference.cost must have shape [2], got [3]",
  });
  assert.throws(() => new Efficiency(device, { form: "none" }, 0), {
    name: "RangeError",
    message: "Cannot measure efficiency: the largest cost must be positive, got 0",
  });
});
