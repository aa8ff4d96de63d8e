import assert from "node:assert/strict";
import { Efficiency } from "../../src/rewards/efficiency.ts";
import { DiscriminatorReward } from "../../src/rewards/realism_discriminator.ts";
import { Grader } from "../../src/rl/grader.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { testDevice } from "../support/device.ts";

Deno.test("Grader: rewards that follow the policy say what they have become, and resume with it", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const make = () =>
    new Grader(device, {
      rewards: [{ reward: new DiscriminatorReward(device, syntheticDigits(16, 1), { seed: 1, batch: 8 }), weight: 1 }],
      combination: "sum",
      efficiency: new Efficiency(device, { form: "constraint", slack: 0, rate: 0.5, start: 2 }),
      classNames: [..."0123456789"],
    }, { policy: 4, hand: 2 });
  const grader = make();
  assert.deepEqual(grader.metrics(), { efficiency_lambda: 2 });
  const images = device.full([6, 1, 8, 8], 0.5), classes = device.zeros([6], "i32"), spent = device.full([6, 2], 1);
  grader.prepare(0);
  const { parts: [scores] } = grader.grade({ images, classes }, spent, spent);
  const [realism, ...observed] = await device.read([scores!, ...grader.observed]);
  grader.adapt(observed as Float32Array[]);
  const { efficiency_lambda, discriminator_loss, discriminator_real, discriminator_painted, ...others } = grader
    .metrics();
  assert.deepEqual(others, {});
  assert.ok(discriminator_loss! > 0.3 && discriminator_loss! < 1.2, `${discriminator_loss}`);
  assert.ok(discriminator_real! > 0 && discriminator_real! < 1);
  assert.ok(Math.abs(discriminator_painted! - realism![0]!) < 1e-6, "all painted alike");
  // As good as the hand schedule, whose quality is to be kept whole.
  assert.ok(Math.abs(efficiency_lambda! - 2) < 1e-6);
  grader.adapt([observed[0] as Float32Array, Float32Array.of(0.2, 0.4)]);
  assert.equal(grader.metrics().efficiency_lambda, 2.25);

  const state = grader.state(), values = await device.read([...state.values()]);
  const resumed = make();
  resumed.restore(new Map([...state].map(([name, { shape }], i) => [name, { shape, data: values[i]! }])));
  assert.deepEqual(resumed.metrics(), { efficiency_lambda: 2.25 });
});
