import assert from "node:assert/strict";
import { type AdvantageOptions, groupAdvantage, groupAdvantageOp } from "../../src/ops/group_advantage.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / Math.max(1, xs.length);
const deviation = (xs: readonly number[]) => {
  const m = mean(xs);
  return Math.sqrt(xs.reduce((sum, x) => sum + (x - m) ** 2, 0) / Math.max(1, xs.length - 1));
};

function reference([rewards]: readonly Ref[], { groupSize, form, limit = 5 }: AdvantageOptions): Ref[] {
  const all = [...rewards!.data], kept = all.filter(Number.isFinite);
  let flat = 0;
  const advantage = all.map((r, i) => {
    const start = i - i % groupSize;
    const group = all.slice(start, start + groupSize).filter(Number.isFinite);
    const spread = new Set(group).size > 1;
    if (i === start && !spread) flat++;
    if (!spread || !Number.isFinite(r)) return 0;
    const others = group.toSpliced(group.indexOf(r), 1);
    const raw = {
      mean: r - mean(group),
      mean_std: (r - mean(group)) / (deviation(group) + 1e-4),
      rloo: r - mean(others),
      batch: (r - mean(group)) / (deviation(kept) + 1e-4),
    }[form];
    return Math.min(Math.max(raw, -limit), limit);
  });
  const statistics = [flat / (all.length / groupSize), all.length - kept.length, mean(kept), deviation(kept)];
  return [new Ref(rewards!.shape, advantage), new Ref([4], statistics)];
}

checkOp(groupAdvantageOp, {
  reference: { forward: reference },
  cases: (["mean", "mean_std", "rloo", "batch"] as const).flatMap((form) => [
    { shapes: [[1]], attributes: { groupSize: 1, form }, note: form },
    { shapes: [[160]], attributes: { groupSize: 16, form }, note: form },
    { shapes: [[7 * 13]], attributes: { groupSize: 13, form, limit: 0.5 }, note: form },
    {
      shapes: [[12]],
      values: [[0.1, 0.1, 0.1, NaN, NaN, -Infinity, 0.7, 0.2, 100, 100.5, Infinity, 0.3]],
      attributes: { groupSize: 3, form },
      note: `${form}, excluded rewards`,
    },
    {
      shapes: [[4]],
      values: [[NaN, NaN, 0.25, 0.5]],
      attributes: { groupSize: 2, form },
      note: `${form}, a group without rewards`,
    },
  ]),
});

for (const groupSize of [2, 35000]) {
  Deno.test(`group_advantage over 70,000 rewards in groups of ${groupSize}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const values = Float32Array.from({ length: 70000 }, (_, i) => (i * 7919 % 1009) / 1009);
    const { advantage, statistics } = groupAdvantage(device.tensor(values), { groupSize, form: "mean" });
    const [a, s] = await device.read([advantage, statistics]);
    const all = [...values];
    assertAllClose(s!, [0, 0, mean(all), deviation(all)], 1e-5);
    const wanted = Array.from({ length: 70000 / groupSize }, (_, g) => {
      const group = all.slice(g * groupSize, (g + 1) * groupSize), m = mean(group);
      return group.map((r) => r - m);
    });
    assertAllClose(a!, wanted.flat(), 1e-5);
  });
}

Deno.test("equal rewards give exactly 0 where their mean would round", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { advantage, statistics } = groupAdvantage(device.full([7], 0.1), { groupSize: 7, form: "mean_std" });
  assert.deepEqual([...await advantage.data()], [0, 0, 0, 0, 0, 0, 0]);
  assert.equal((await statistics.data())[0], 1);
});

Deno.test("group_advantage refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (shape: number[], groupSize: number, message: string) =>
    assert.throws(() => groupAdvantage(device.zeros(shape), { groupSize, form: "mean" }), {
      name: "RangeError",
      message: `Cannot apply group_advantage: ${message}`,
    });
  refuses([4, 2], 2, "rewards must have 1 axes, got shape [4, 2]");
  const hint = "pass the same number of rewards for every condition";
  refuses([10], 4, `10 rewards do not form groups of 4; ${hint}`);
  refuses([10], 0, `10 rewards do not form groups of 0; ${hint}`);
  refuses([10], 2.5, `10 rewards do not form groups of 2.5; ${hint}`);
  const most = "at most 65535 groups of at most 65535 rewards fit, got";
  refuses([70000], 1, `${most} 70000 groups of 1`);
  refuses([70000], 70000, `${most} 1 groups of 70000`);
  assert.throws(() => groupAdvantage(device.zeros([4], "i32"), { groupSize: 2, form: "mean" }), {
    name: "RangeError",
    message: "Cannot apply group_advantage: rewards must hold f32, got i32",
  });
});
