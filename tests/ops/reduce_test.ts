import assert from "node:assert/strict";
import { logsumexp, max, mean, reduceOp, sum, variance } from "../../src/ops/reduce.ts";
import type { ReduceAttributes } from "../../src/ops/reduce_plan.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { broadcastTo } from "../support/broadcast_ref.ts";
import { checkOp, type OpCase } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";

type Name = ReduceAttributes["function"];

/** The elements of each output and where they lie in x. */
function groups(x: Ref, axes: readonly number[]) {
  const reduced = x.shape.map((_, axis) => axes.includes(axis) || axes.includes(axis - x.shape.length));
  const kept = new Ref(x.shape.map((size, axis) => reduced[axis] ? 1 : size));
  const members: number[][] = Array.from({ length: kept.data.length }, () => []);
  Ref.from(x.shape, (index) => {
    members[kept.offset(index.map((i, axis) => reduced[axis] ? 0 : i))]!.push(x.offset(index));
    return 0;
  });
  return { kept, members, shape: x.shape.filter((_, axis) => !reduced[axis]) };
}

const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function value(name: Name, values: number[], correction: number): number {
  const m = values.reduce((a, b) => Math.max(a, b), -Infinity), center = average(values);
  if (name === "sum") return center * values.length;
  if (name === "mean") return center;
  if (name === "max") return m;
  if (name === "logsumexp") return m + Math.log(values.reduce((s, v) => s + Math.exp(v - m), 0));
  return values.reduce((s, v) => s + (v - center) ** 2, 0) / (values.length - correction);
}

function slope(name: Name, values: number[], i: number, correction: number): number {
  if (name === "sum") return 1;
  if (name === "mean") return 1 / values.length;
  if (name === "max") return i === values.indexOf(value(name, values, 0)) ? 1 : 0;
  if (name === "logsumexp") return Math.exp(values[i]! - value(name, values, 0));
  return 2 * (values[i]! - average(values)) / (values.length - correction);
}

const layouts: [number[], number[]][] = [
  [[1], [0]],
  [[7], [0]],
  [[3, 5], []],
  [[3, 5], [1]],
  [[13, 66], [0]],
  [[2, 3, 4], [-2]],
  [[2, 3, 4, 5], [0, 2]],
  [[2, 3, 2, 3, 2, 3], [1, 3, 5]],
  [[2, 1, 3], [0, 1, 2]],
  [[3, 1100], [1]],
  [[1100, 3], [0]],
  [[3, 64], [1]],
  [[1100, 8], [0]],
  [[2, 4400], [1]],
  [[3, 4, 5, 8], [0, 2]],
  [[3, 4, 5, 8], [1, 3]],
];

for (const name of ["sum", "mean", "max", "variance", "logsumexp"] as const) {
  const cases: OpCase<ReduceAttributes>[] = layouts.map(([shape, axes], i) => ({
    shapes: [shape],
    attributes: { function: name, axes, keepDims: i % 2 === 0 },
    note: `${name} over [${axes}]`,
  }));
  if (name === "variance") {
    cases.push({
      shapes: [[4, 7]],
      attributes: { function: name, axes: [1], keepDims: false, correction: 1 },
      note: "unbiased variance",
    });
    cases.push({
      shapes: [[2, 3]],
      values: [[1000, 1001, 1002, -500, -500, -500]],
      attributes: { function: name, axes: [1], keepDims: false },
      note: "variance far from zero",
    });
  }
  if (name === "logsumexp") {
    cases.push({
      shapes: [[2, 4]],
      values: [[-1e30, 500, 80, 500, -600, -700, -800, -900]],
      attributes: { function: name, axes: [1], keepDims: false },
      note: "logsumexp of extremes",
    });
  }
  checkOp(reduceOp, {
    reference: {
      forward: ([x], { axes, keepDims, correction = 0 }) => {
        const { kept, members, shape } = groups(x!, axes);
        return new Ref(
          keepDims ? kept.shape : shape,
          members.map((at) => value(name, at.map((i) => x!.data[i]!), correction)),
        );
      },
      backward: ([x], _outputs, [dy], { axes, correction = 0 }) => {
        const { kept, members } = groups(x!, axes);
        const slopes = new Ref(x!.shape);
        for (const at of members) {
          const values = at.map((i) => x!.data[i]!);
          at.forEach((where, i) => slopes.data[where] = slope(name, values, i, correction));
        }
        return [slopes.zip(broadcastTo(new Ref(kept.shape, dy!.data), x!.shape), (a, b) => a * b)];
      },
    },
    cases,
  });
}

for (const n of [70_000, 1_000_000]) {
  Deno.test(`reductions of ${n} elements`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const random = seededRandom(n);
    const host = Float32Array.from({ length: n }, () => random());
    host[n - 3] = 2;
    let total = 0, squares = 0, exponentials = 0;
    for (const v of host) total += v;
    for (const v of host) squares += (v - total / n) ** 2;
    for (const v of host) exponentials += Math.exp(v);
    const x = device.tensor(host);
    x.requiresGrad = true;
    const found = await device.read([sum(x), mean(x), variance(x, 1), logsumexp(x), max(x)]);
    const expected = [total, total / n, squares / (n - 1), Math.log(exponentials), 2];
    const worst = found.map(([v], i) => Math.abs(v! - expected[i]!) / expected[i]!);
    worst.forEach((error, i) => assert.ok(error < 2e-6, `result ${i}: relative error ${error}`));
    const [dmax] = await device.read(gradients(max(x), [x]));
    assert.equal(dmax!.findIndex((v) => v !== 0), n - 3);
    assert.equal(dmax![n - 3], 1);
    assert.equal(dmax!.findLastIndex((v) => v !== 0), n - 3);
  });
}

Deno.test("sums of a million equal elements do not drift", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const total = await sum(device.full([1000, 1000], 0.1)).item();
  assert.ok(Math.abs(total / (Math.fround(0.1) * 1e6) - 1) < 1e-6, `${total}`);
  const columns = await sum(device.full([70_000, 2], 0.1), 0).data();
  for (const column of columns) assert.ok(Math.abs(column / (Math.fround(0.1) * 7e4) - 1) < 1e-6, `${column}`);
});

Deno.test("max gives ties to the first maximum and passes NaN on; logsumexp of infinities", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 5, 5, 2], [2, 2]);
  x.requiresGrad = true;
  const [dx] = await device.read(gradients(max(x), [x]));
  assert.deepEqual([...dx!], [0, 1, 0, 0]);
  const odd = device.tensor([1, NaN, 2, -Infinity, -Infinity, -Infinity, Infinity, 0, 1], [3, 3]);
  const [largest, log] = await device.read([max(odd, 1), logsumexp(odd, 1)]);
  assert.deepEqual([...largest!], [NaN, -Infinity, Infinity]);
  assert.deepEqual([...log!], [NaN, -Infinity, Infinity]);
});

Deno.test("axes: all by default, one by number, kept on request", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  assert.deepEqual(sum(x).shape, []);
  assert.deepEqual(mean(x, -1).shape, [2]);
  assert.deepEqual(mean(x, [0, 1], true).shape, [1, 1]);
  assert.deepEqual([...await sum(x, 0).data()], [5, 7, 9]);
});

Deno.test("reductions refuse what they cannot reduce", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([2, 1]);
  assert.throws(() => sum(x, 2), {
    name: "RangeError",
    message: "Cannot apply sum: axis 2 is out of range for shape [2, 1]; use -2 to 1",
  });
  assert.throws(() => max(x, [1, -1]), {
    message: "Cannot apply max: axes [1, -1] name one axis twice; name each once",
  });
  assert.throws(() => variance(x, 1, 1), {
    message: "Cannot apply variance with correction 1 to 1 element: at least 2 are needed",
  });
  assert.throws(() => mean(device.zeros([2], "i32")), { message: "Cannot apply mean: x must hold f32, got i32" });
  assert.throws(() => sum(device.zeros([2, 2, 2, 2, 2, 2, 2]), [0, 2, 4, 6]), {
    message: "Cannot apply sum to [2, 2, 2, 2, 2, 2, 2] over axes [0, 2, 4, 6]: at most 6 alternating groups of " +
      "kept and reduced axes, got 7; reduce in two steps",
  });
});
