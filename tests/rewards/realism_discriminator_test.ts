import assert from "node:assert/strict";
import { type Digits, loadMnist, resizeDigits } from "../../src/data/digits.ts";
import { DiscriminatorReward } from "../../src/rewards/realism_discriminator.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import type { Device } from "../../src/tensor/device.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const count = 16;
const options = { seed: 3, batch: 16, learningRate: 2e-3 };

/** Real digits at 8x8 pixels, evenly from all classes. */
async function realDigits(wanted: number): Promise<Digits> {
  const { images, labels, size, count } = await loadMnist();
  const chosen = Array.from({ length: wanted }, (_, n) => Math.floor(n * count / wanted));
  const some = new Uint8Array(wanted * size ** 2);
  chosen.forEach((from, to) => some.set(images.subarray(from * size ** 2, (from + 1) * size ** 2), to * size ** 2));
  return resizeDigits({ images: some, labels: Uint8Array.from(chosen, (n) => labels[n]!), size, count: wanted }, 8);
}

/** A reward recorded as trainers do it, without gradients, for pictures that are written before each replay. */
function record(device: Device, reward: DiscriminatorReward) {
  const images = device.zeros([count, 1, 8, 8]), classes = device.zeros([count], "i32");
  const captured = device.capture(() =>
    device.noGrad(() => ({
      scores: reward.score({ images, classes }),
      seen: reward.adaptive.observe({ images, classes })!,
    }))
  );
  return {
    images,
    classes,
    dispose: () => captured.dispose(),
    async update(n: number): Promise<Float32Array> {
      reward.adaptive.prepare!(n);
      captured.replay();
      const [scores, seen] = await device.read([captured.result.scores, captured.result.seen]);
      reward.adaptive.adapt!(seen as Float32Array);
      return scores as Float32Array;
    },
  };
}

const meanOf = (values: Float32Array) => values.reduce((a, b) => a + b) / values.length;

Deno.test("DiscriminatorReward: learns to tell noise from real digits in a few dozen steps", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const reward = new DiscriminatorReward(device, await realDigits(200), options);
  assert.equal(reward.view, null);
  const step = record(device, reward);
  // Noise as dark as digits are in the mean: brightness alone does not tell.
  const random = seededRandom(1);
  const noise = () => Float32Array.from({ length: count * 64 }, () => random() < 0.75 ? 0.3 * random() : random());
  const untrained = await reward.score({ images: step.images, classes: step.classes }).data();
  for (let n = 0; n < 40; n++) {
    if (n > 0) step.images.write(noise());
    const scores = await step.update(n);
    // The first rewards are those of the network before its step.
    if (n === 0) assert.deepEqual(scores, untrained);
  }
  const { loss, real, painted } = reward.view!;
  assert.ok(loss < 0.35 && real > 0.75 && painted < 0.15, JSON.stringify(reward.view));
  const held = await realDigits(count * 7), last = held.images.subarray(-count * 64);
  const classes = device.tensor(Int32Array.from(held.labels.subarray(-count)));
  const images = device.tensor(Float32Array.from(last, (byte) => byte / 255), [count, 1, 8, 8]);
  const unseen = await reward.score({ images, classes }).data() as Float32Array;
  step.images.write(noise());
  const noisy = await step.update(40);
  assert.ok(meanOf(unseen) > 0.6 && meanOf(noisy) < 0.15, `${meanOf(unseen)} and ${meanOf(noisy)}`);
  step.dispose();
});

Deno.test("DiscriminatorReward: real pictures of the wrong class are told apart by the class", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const real = syntheticDigits(160, 1);
  const reward = new DiscriminatorReward(device, real, options);
  const step = record(device, reward);
  step.images.write(Float32Array.from(real.images.subarray(0, count * 64), (byte) => byte / 255));
  const rightly = Int32Array.from(real.labels.subarray(0, count));
  const wrongly = (by: number) => rightly.map((label) => (label + by) % 10);
  for (let n = 0; n < 80; n++) {
    step.classes.write(wrongly(1 + n % 9));
    await step.update(n);
  }
  const paid = async (classes: Int32Array) =>
    meanOf(await reward.score({ images: step.images, classes: device.tensor(classes) }).data() as Float32Array);
  const [right, wrong] = [await paid(rightly), await paid(wrongly(4))];
  assert.ok(right > wrong + 0.3, `right ${right}, wrong ${wrong}`);
  step.dispose();
});

/** All of a reward's state on the host. */
async function saved(device: Device, reward: DiscriminatorReward): Promise<Map<string, HostTensor>> {
  const state = reward.adaptive.state();
  const data = await device.read([...state.values()]);
  return new Map([...state].map(([name, { shape }], i) => [name, { shape, data: data[i]! }]));
}

Deno.test("DiscriminatorReward: a resumed run has the same bits", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const real = syntheticDigits(50, 1);
  const paint = (n: number) => {
    const random = seededRandom(n);
    return Float32Array.from({ length: count * 64 }, random);
  };
  const run = async (reward: DiscriminatorReward, from: number, to: number) => {
    const step = record(device, reward);
    const scores: Float32Array[] = [];
    for (let n = from; n < to; n++) {
      step.images.write(paint(n));
      scores.push(await step.update(n));
    }
    step.dispose();
    return scores;
  };
  const whole = new DiscriminatorReward(device, real, options);
  const first = await run(whole, 0, 3);
  const middle = await saved(device, whole);
  const rest = await run(whole, 3, 6);
  const resumed = new DiscriminatorReward(device, real, options);
  resumed.adaptive.restore(middle);
  assert.deepEqual(await run(resumed, 3, 6), rest);
  assert.deepEqual(await saved(device, resumed), await saved(device, whole));
  assert.notDeepEqual(rest, first);
  middle.delete("optimizer.step");
  assert.throws(() => resumed.adaptive.restore(middle), {
    name: "UserError",
    message: "Cannot restore AdamW: the state has no step, wanted u32 [1]",
  });
});

Deno.test("DiscriminatorReward: RGB images; refuses others than the real ones, and too few of these", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const random = seededRandom(1);
  const real = {
    images: Uint8Array.from({ length: 8 * 48 }, () => 255 * random()),
    labels: [0, 1, 0, 1, 0, 1, 0, 1],
    size: 4,
    count: 8,
    channels: 3,
  };
  const reward = new DiscriminatorReward(device, real, { seed: 1, batch: 4, classes: 2 });
  reward.adaptive.prepare!(0);
  const classes = device.tensor(Int32Array.of(1, 0));
  const seen = await reward.adaptive.observe({ images: device.zeros([2, 3, 4, 4]), classes })!.data();
  assert.ok(seen.every(Number.isFinite), `${seen}`);
  assert.throws(() => reward.score({ images: device.zeros([2, 1, 4, 4]), classes }), {
    name: "RangeError",
    message: "Cannot apply realism: images must have shape [2, 3, 4, 4], got [2, 1, 4, 4]",
  });
  assert.throws(() => new DiscriminatorReward(device, real, { seed: 1 }), {
    name: "UserError",
    message: "Cannot make batches of 64 from 8 digits: lower the batch size, or raise data.train",
  });
});
