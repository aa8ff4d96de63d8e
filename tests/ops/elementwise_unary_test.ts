import assert from "node:assert/strict";
import * as unary from "../../src/ops/elementwise_unary.ts";
import type { UnaryFunction } from "../../src/ops/elementwise_unary.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { erf } from "../support/erf.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const cdf = (x: number) => (1 + erf(x / Math.SQRT2)) / 2;
const u = (x: number) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/** Value and derivative. */
const references: Record<UnaryFunction, [(x: number) => number, (x: number) => number]> = {
  neg: [(x) => -x, () => -1],
  exp: [Math.exp, Math.exp],
  log: [Math.log, (x) => 1 / x],
  sqrt: [Math.sqrt, (x) => 0.5 / Math.sqrt(x)],
  rsqrt: [(x) => x ** -0.5, (x) => -0.5 * x ** -1.5],
  tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  sigmoid: [sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))],
  relu: [(x) => Math.max(x, 0), (x) => x > 0 ? 1 : 0],
  gelu: [(x) => x * cdf(x), (x) => cdf(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI)],
  gelu_tanh: [
    (x) => x / 2 * (1 + Math.tanh(u(x))),
    (x) =>
      (1 + Math.tanh(u(x))) / 2 +
      x / 2 * (1 - Math.tanh(u(x)) ** 2) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x),
  ],
  quick_gelu: [
    (x) => x * sigmoid(1.702 * x),
    (x) => sigmoid(1.702 * x) * (1 + 1.702 * x * (1 - sigmoid(1.702 * x))),
  ],
  silu: [(x) => x * sigmoid(x), (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
  square: [(x) => x * x, (x) => 2 * x],
};

for (const [name, [value, slope]] of Object.entries(references)) {
  const positive = ["log", "sqrt", "rsqrt"].includes(name);
  checkOp(unary.elementwiseUnaryOp, {
    reference: {
      forward: ([x]) => x!.map(value),
      backward: ([x], _outputs, [dy]) => [dy!.map((d, i) => d * slope(x!.data[i]!))],
    },
    cases: [[1], [7], [3, 43], [2, 3, 128], []].map((shape) => ({
      shapes: [shape],
      attributes: { function: name as UnaryFunction },
      note: name,
    })),
    sample: (r) => positive ? 0.3 + 3 * r : 6 * r - 3,
  });
}

Deno.test("functions of many elements reach all of them, and so do their gradients", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const length of [70_001, 1_000_000]) {
    const values = Float32Array.from({ length }, (_, i) => i % 1009 - 500);
    const x = device.tensor(values);
    x.requiresGrad = true;
    const y = unary.square(x);
    assert.deepEqual(await y.data(), values.map((v) => v * v));
    const [dx] = y.node!.backward([device.full([length], 3)], [true]);
    assert.deepEqual(await dx!.data(), values.map((v) => 6 * v));
  }
});

const inf = Infinity;
const extremes: [(x: ReturnType<typeof unary.neg>) => ReturnType<typeof unary.neg>, number[], number[]][] = [
  [unary.exp, [-200, 200, -inf, NaN], [0, inf, 0, NaN]],
  [unary.log, [0, inf, -1, NaN], [-inf, inf, NaN, NaN]],
  [unary.sqrt, [0, inf, -1, NaN], [0, inf, NaN, NaN]],
  [unary.rsqrt, [inf, 4, -1, NaN], [0, 0.5, NaN, NaN]],
  [unary.tanh, [100, -100, inf, -inf, NaN], [1, -1, 1, -1, NaN]],
  [unary.sigmoid, [100, -200, inf, -inf, NaN], [1, 0, 1, 0, NaN]],
  [unary.relu, [100, -100, inf, -inf, NaN], [100, 0, inf, 0, NaN]],
  [unary.gelu, [100, -100, NaN], [100, 0, NaN]],
  [unary.geluTanh, [100, -100, NaN], [100, 0, NaN]],
  [unary.quickGelu, [100, -100, NaN], [100, 0, NaN]],
  [unary.silu, [100, -100, NaN], [100, 0, NaN]],
  [unary.square, [1e30, -inf, NaN], [inf, inf, NaN]],
  [unary.neg, [inf, -inf, NaN], [-inf, inf, NaN]],
];

for (const [f, xs, ys] of extremes) {
  Deno.test(`${f.name} of extremes`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    assertAllClose(await f(device.tensor(xs)).data(), ys, 1e-6);
  });
}

Deno.test("tanh and gelu keep relative accuracy where they are small", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const small = [1e-6, -1e-4, 0.01, 0.2, -0.24, 0.26];
  const tanh = await unary.tanh(device.tensor(small)).data();
  small.forEach((x, i) =>
    assert.ok(Math.abs(tanh[i]! / Math.tanh(Math.fround(x)) - 1) < 1e-6, `tanh ${x}: ${tanh[i]}`)
  );
  // Phi(-5) from tables: 2.866515719e-7
  const [tail] = await unary.gelu(device.tensor([-5])).data();
  assert.ok(Math.abs(tail! / (-5 * 2.866515719e-7) - 1) < 1e-5, `${tail}`);
});

Deno.test("functions of one tensor refuse integers", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => unary.silu(device.zeros([2], "i32")), {
    name: "RangeError",
    message: "Cannot apply silu: x must hold f32, got i32",
  });
});
