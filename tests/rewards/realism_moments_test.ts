import assert from "node:assert/strict";
import { frechetStatistics } from "../../src/eval/frechet.ts";
import { StridedClassifier } from "../../src/models/strided_classifier.ts";
import { Initializer } from "../../src/nn/init.ts";
import { concat } from "../../src/ops/concat.ts";
import { MomentsReward } from "../../src/rewards/realism_moments.ts";
import type { Device } from "../../src/tensor/device.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";
import { testDevice } from "../support/device.ts";

/** Statistics of pictures, and what a reward needs of them. */
function setting(device: Device) {
  const judge = new StridedClassifier(new Initializer(device, 1), 10, 8);
  const random = seededRandom(3);
  const pictures = (bytes: ArrayLike<number>, noise: number) =>
    device.tensor(
      Float32Array.from(bytes, (value) => (1 - noise) * value / 255 + noise * random()),
      [bytes.length / 64, 1, 8, 8],
    );
  const { images } = syntheticDigits(400, 1);
  const real = pictures(images, 0), painted = pictures(images.subarray(0, 128 * 64), 0.2);
  const noise = pictures(images.subarray(0, 128 * 64), 1);
  const of = async (set: typeof real) => {
    const features = judge.features(set);
    return frechetStatistics(await features.data() as Float32Array, features.shape[1]!);
  };
  return { judge, real, painted, noise, of };
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b) / values.length;

Deno.test("MomentsReward: real pictures pay more than painted ones, noise least; all in [0, 1]", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { judge, real, painted, noise, of } = setting(device);
  const reward = new MomentsReward(judge, await of(real), [await of(painted)], { decay: 0.5, every: 1 });
  const classes = device.zeros([1], "i32");
  const [r, p, n] = await device.read([real, painted, noise].map((images) => reward.score({ images, classes })));
  assert.ok(mean(r!) > mean(p!) + 0.03 && mean(p!) > mean(n!) + 0.1, `${mean(r!)} ${mean(p!)} ${mean(n!)}`);
  assert.ok([...r!, ...n!].every((value) => value >= 0 && value <= 1));
});

Deno.test("MomentsReward: follows what is painted, and goes on from a checkpoint bit for bit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { judge, real, painted, noise, of } = setting(device);
  const make = async () => new MomentsReward(judge, await of(real), [await of(painted)], { decay: 0.5, every: 2 });
  const one = await make(), classes = device.zeros([1], "i32");
  const worth = async (reward: MomentsReward) => [...await reward.score({ images: painted, classes }).data()];
  const before = await worth(one);
  const seen = await one.observe({ images: noise, classes }).data() as Float32Array;
  one.adapt(seen);
  assert.deepEqual(await worth(one), before, "every second update");
  const saved = new Map(
    await Promise.all(
      [...one.state()].map(async ([name, tensor]) =>
        [name, { shape: tensor.shape, data: (await tensor.data()).slice() }] as const
      ),
    ),
  );
  one.adapt(seen);
  const after = await worth(one);
  assert.ok(mean(after) > mean(before) + 0.05, "among noise, what looks like digits pulls the mean back");
  const other = await make();
  other.restore(saved as Parameters<typeof other.restore>[0]);
  assert.deepEqual(await worth(other), before);
  other.adapt(seen);
  assert.deepEqual(await worth(other), after);
  assert.throws(() => other.restore(new Map()), { name: "UserError", message: /the realism reward/ });
});

Deno.test("MomentsReward: gives its memory back", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { judge, real, painted, of } = setting(device);
  const [there, kind] = [await of(real), await of(painted)];
  const { counters } = device.gpu.pool, before = counters.liveBytes;
  const options = { decay: 0.5, every: 1 };
  const rewards = [
    new MomentsReward(judge, there, [kind], options),
    new MomentsReward(judge, there, [kind, kind], { ...options, targets: [3, 4] }),
  ];
  assert.ok(counters.liveBytes > before);
  for (const reward of rewards) reward[Symbol.dispose]();
  assert.equal(counters.liveBytes, before);
});

Deno.test("MomentsReward: a picture of NaN earns NaN and leaves no trace in what the others earn", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { judge, real, painted, noise, of } = setting(device);
  const reward = new MomentsReward(judge, await of(real), [await of(painted)], { decay: 0.5, every: 1 });
  const classes = device.zeros([1], "i32");
  const broken = (await noise.data()).slice() as Float32Array;
  broken.fill(NaN, 0, 64);
  const images = device.tensor(broken, noise.shape);
  reward.adapt(await reward.observe({ images: noise, classes }).data() as Float32Array);
  const before = await reward.score({ images, classes }).data();
  assert.ok(Number.isNaN(before[0]) && before.subarray(1).every(Number.isFinite));
  reward.adapt(await reward.observe({ images, classes }).data() as Float32Array);
  assert.deepEqual(await reward.score({ images, classes }).data(), before);
});

Deno.test("MomentsReward: each kind of pictures has moments of its own, and moves by its own pictures alone", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { judge, real, painted, noise, of } = setting(device);
  const options = { decay: 0.5, every: 1 };
  const [ofReal, ofPainted, ofNoise] = [await of(real), await of(painted), await of(noise)];
  const kinds = new MomentsReward(judge, ofReal, [ofPainted, ofNoise], { ...options, targets: [8, 3] });
  const apart = [ofPainted, ofNoise].map((statistics) => new MomentsReward(judge, ofReal, [statistics], options));
  const images = concat([painted, noise], 0), rows = images.shape[0]!, classes = device.zeros([1], "i32");
  const mixed = Int32Array.from({ length: rows }, (_, n) => n % 3 === 0 ? 3 : 8), targets = device.tensor(mixed);
  const expected = async () => {
    const [first, second] = await device.read(apart.map((reward) => reward.score({ images, classes })));
    return first!.map((value, n) => mixed[n] === 8 ? value : second![n]!);
  };
  assertAllClose(await kinds.score({ images, classes, targets }).data(), await expected(), 1e-5);
  // Three quarters of the next batch are of the second kind, which forgets by as much as it has pictures.
  const next = Int32Array.from({ length: 128 }, (_, n) => n % 4 === 0 ? 8 : 3);
  kinds.adapt(await kinds.observe({ images: noise, classes, targets: device.tensor(next) }).data() as Float32Array);
  for (const [j, target] of [8, 3].entries()) {
    const own = [...next.keys()].filter((n) => next[n] === target);
    const pixels = (await noise.data()) as Float32Array;
    const subset = device.tensor(
      Float32Array.from(own.flatMap((n) => [...pixels.subarray(n * 64, (n + 1) * 64)])),
      [own.length, 1, 8, 8],
    );
    const keep = 0.5 ** (own.length * 2 / 128);
    apart[j] = new MomentsReward(judge, ofReal, [[ofPainted, ofNoise][j]!], { decay: keep, every: 1 });
    apart[j]!.adapt(await apart[j]!.observe({ images: subset, classes }).data() as Float32Array);
  }
  assertAllClose(await kinds.score({ images, classes, targets }).data(), await expected(), 1e-4);
  assert.throws(() => kinds.score({ images, classes }), { name: "RangeError", message: /needs the pictures' targets/ });
  assert.throws(() => new MomentsReward(judge, ofReal, [ofPainted], { ...options, targets: [8, 3] }), {
    name: "RangeError",
    message: "Cannot reward realism: got moments of 1 kinds for 2",
  });
});
