import assert from "node:assert/strict";
import { groupNorm, groupNormOp } from "../../src/ops/group_norm.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

type Attributes = { groups: number; eps: number };
const meanOf = (row: Float64Array) => row.reduce((a, b) => a + b, 0) / row.length;
/** One row for each group of each image. */
const grouped = (x: Ref, groups: number) =>
  new Ref([x.shape[0]! * groups, x.data.length / x.shape[0]! / groups], x.data);
const channelOf = (x: Ref, i: number) => Math.floor(i / (x.shape[2]! * x.shape[3]!)) % x.shape[1]!;

/** The normalized groups, and what each was divided by, both in x's shape. */
function normalized(x: Ref, { groups, eps }: Attributes): { n: Ref; deviation: Ref } {
  const rows = grouped(x, groups);
  const deviation = rows.mapRows((row) => {
    const mean = meanOf(row);
    return row.map(() => Math.sqrt(meanOf(row.map((v) => (v - mean) ** 2)) + eps));
  });
  const n = rows.mapRows((row) => {
    const mean = meanOf(row);
    return row.map((v) => v - mean);
  }).zip(deviation, (v, d) => v / d);
  return { n: new Ref(x.shape, n.data), deviation: new Ref(x.shape, deviation.data) };
}

checkOp(groupNormOp, {
  reference: {
    forward: ([x, gain, bias], attributes) =>
      normalized(x!, attributes).n.map((v, i) => v * gain!.data[channelOf(x!, i)]! + bias!.data[channelOf(x!, i)]!),
    backward: ([x, gain, bias], _outputs, [dy], attributes) => {
      const { n, deviation } = normalized(x!, attributes);
      const dgain = new Ref(gain!.shape), dbias = new Ref(bias!.shape);
      dy!.data.forEach((d, i) => {
        dgain.data[channelOf(x!, i)]! += d * n.data[i]!;
        dbias.data[channelOf(x!, i)]! += d;
      });
      const g = grouped(dy!.map((d, i) => d * gain!.data[channelOf(x!, i)]!), attributes.groups);
      const dx = g.zipRows(grouped(n, attributes.groups), (row, rowN) => {
        const mean = meanOf(row), along = meanOf(row.map((v, i) => v * rowN[i]!));
        return row.map((v, i) => v - mean - rowN[i]! * along);
      });
      return [new Ref(x!.shape, dx.data).zip(deviation, (v, d) => v / d), dgain, dbias];
    },
  },
  cases: [
    { shapes: [[1, 1, 1, 1], [1], [1]], attributes: { groups: 1, eps: 1e-5 } },
    { shapes: [[2, 6, 3, 5], [6], [6]], attributes: { groups: 3, eps: 1e-5 } },
    { shapes: [[3, 5, 2, 2], [5], [5]], attributes: { groups: 5, eps: 1e-2 }, note: "a group per channel" },
    { shapes: [[2, 7, 4, 4], [7], [7]], attributes: { groups: 1, eps: 1e-6 }, note: "one group" },
    { shapes: [[11, 4, 3, 3], [4], [4]], attributes: { groups: 2, eps: 1e-5 }, note: "beyond one workgroup" },
  ],
});

Deno.test("group_norm: a group of 1,000,000 pixels", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const n = 1000000;
  // An offset beside which the spread is small, which a plain mean of squares would lose.
  const x = device.parameter(Float32Array.from({ length: n }, (_, i) => i < 250000 ? 103 : 99), [1, 1, 1000, 1000]);
  const gain = device.parameter(Float32Array.of(2), [1]), bias = device.parameter(Float32Array.of(1), [1]);
  const y = groupNorm(x, gain, bias, 1, 0);
  const low = -1 / Math.sqrt(3), high = Math.sqrt(3);
  assertAllClose(await y.data(), Float32Array.from({ length: n }, (_, i) => 1 + 2 * (i < 250000 ? high : low)), 1e-5);
  const dy = device.tensor(Float32Array.from({ length: n }, (_, i) => i < 250000 ? 1 : 0), x.shape);
  const [dx, dgain, dbias] = y.node!.backward([dy], [true, true, true]);
  assertAllClose(await dbias!.data(), [250000], 1e-6);
  assertAllClose(await dgain!.data(), [250000 * high], 1e-5);
  // dy is a linear function of the normalized x, so nothing is left of it.
  assertAllClose(await dx!.data(), new Float32Array(n), 1e-5);
});

Deno.test("group_norm: gains of 70,000 images", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor(Float32Array.from({ length: 140000 }, (_, i) => i % 2), [70000, 2, 1, 1]);
  const gain = device.full([2], 1), bias = device.full([2], 0);
  gain.requiresGrad = true;
  const y = groupNorm(x, gain, bias, 1, 0);
  const [, dgain, dbias] = y.node!.backward([device.full(y.shape, 1)], [false, true, true]);
  assertAllClose(await dgain!.data(), [-70000, 70000], 1e-6);
  assertAllClose(await dbias!.data(), [70000, 70000], 1e-6);
});

Deno.test("group_norm: errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (message: string, x: number[], groups: number, gain = [x[1] ?? 1], bias = gain) =>
    assert.throws(
      () => groupNorm(device.zeros(x), device.zeros(gain), device.zeros(bias), groups),
      new RangeError(message),
    );
  refuses("Cannot apply group_norm: x must have 4 axes, got shape [2, 3]", [2, 3], 1);
  refuses("Cannot apply group_norm: gain must have shape [4], got [3]", [2, 4, 1, 1], 1, [3]);
  refuses("Cannot apply group_norm: bias must have shape [4], got [3]", [2, 4, 1, 1], 1, [4], [3]);
  const show = "Cannot normalize [2, 4, 1, 1] in groups: wanted a number of groups that divides the 4 channels, got";
  for (const groups of [3, 0, 1.5]) refuses(`${show} ${groups}`, [2, 4, 1, 1], groups);
  refuses(
    "Cannot normalize [1, 65000, 1, 1] in 1 groups: a group may take at most 65000 sums, (channels + 3) x segments " +
      "of 1024 pixels, got 65003; use more groups",
    [1, 65000, 1, 1],
    1,
  );
  const x = device.zeros([1, 2, 1, 1], "i32");
  assert.throws(
    () => groupNorm(x, device.zeros([2]), device.zeros([2]), 1),
    new RangeError("Cannot apply group_norm: every input must hold f32, got i32"),
  );
});
