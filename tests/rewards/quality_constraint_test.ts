import assert from "node:assert/strict";
import { QualityConstraint, type QualityConstraintOptions } from "../../src/rewards/quality_constraint.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const options: QualityConstraintOptions = { slack: 0.1, rate: 0.5, start: 2 };

Deno.test("QualityConstraint: lambda follows the shortfall between its bounds; what is no number is passed over", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const constraint = new QualityConstraint(device, options);
  const after = (quality: number, hand: number) => {
    constraint.adapt(Float32Array.of(quality, hand));
    return constraint.lambda;
  };
  assertAllClose([after(0.4, 0.8)], [2 + 0.5 * (0.9 - 0.5)], 1e-6, "too bad");
  assertAllClose([after(0.8, 0.8)], [2.2 - 0.5 * 0.1], 1e-6, "good enough");
  assertAllClose([after(NaN, 0.8), after(0.8, NaN), after(0, 0)], [2.15, 2.15, 2.15], 1e-6, "no numbers");
  assertAllClose([after(0.9, 1e-6)], [1.65], 1e-6, "the hand schedule fails");
  for (let i = 0; i < 5; i++) after(1, 0.1);
  assert.equal(constraint.lambda, 0);
  for (let i = 0; i < 200; i++) after(0, 1);
  assert.equal(constraint.lambda, 50);
});

Deno.test("QualityConstraint: observes both means", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const seen = new QualityConstraint(device, options).observe(device.tensor([1, 2, 6]), device.tensor([0.5, 1]));
  assertAllClose(await seen.data(), [3, 0.75], 1e-6);
});

Deno.test("QualityConstraint: a restored one goes on with the same bits; another state is refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const make = () => new QualityConstraint(device, options);
  const first = make(), second = make();
  const means = Float32Array.of(0.3, 0.7);
  first.adapt(means);
  second.restore(new Map([["lambda", { shape: [1], data: await first.state().get("lambda")!.data() }]]));
  for (const each of [first, second]) each.adapt(means);
  assert.equal(second.lambda, first.lambda);
  const [quality, cost] = [device.tensor([0.4, 0.9]), device.tensor([0.5, 1])];
  assert.deepEqual(await second.combine(quality, cost).data(), await first.combine(quality, cost).data());
  assert.throws(() => second.restore(new Map()), {
    name: "UserError",
    message: "Cannot restore the quality constraint: the state has no lambda, wanted f32 [1]",
  });
});

Deno.test("QualityConstraint refuses numbers without a meaning", async () => {
  const device = await testDevice();
  const refused = (changed: Partial<QualityConstraintOptions>, message: string) =>
    assert.throws(() => new QualityConstraint(device, { ...options, ...changed }), { name: "RangeError", message });
  refused({ slack: 1 }, "Cannot constrain the quality: slack must be at least 0 and below 1, got 1");
  refused({ rate: 0 }, "Cannot constrain the quality: rate must be above 0, got 0");
  refused({ start: 51 }, "Cannot constrain the quality: start must be from 0 to 50, got 51");
});
