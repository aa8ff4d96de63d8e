import assert from "node:assert/strict";
import { layerNorm, layerNormOp } from "../../src/ops/layer_norm.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { familiesOf, testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

const meanOf = (row: ArrayLike<number>) => Array.from(row).reduce((a, b) => a + b, 0) / row.length;

/** The normalized rows, and what each was divided by. */
function normalized(x: Ref, eps: number): { n: Ref; deviations: number[] } {
  const deviations: number[] = [];
  const n = x.mapRows((row) => {
    const mean = meanOf(row);
    const deviation = Math.sqrt(meanOf(row.map((v) => (v - mean) ** 2)) + eps);
    deviations.push(deviation);
    return row.map((v) => (v - mean) / deviation);
  });
  return { n, deviations };
}

for (const rows of await familiesOf("rows")) {
  checkOp(layerNormOp, {
    table: { rows },
    reference: {
      forward: ([x, gain, bias], { eps }) =>
        normalized(x!, eps).n.mapRows((row) => row.map((v, c) => v * gain!.data[c]! + bias!.data[c]!)),
      backward: ([x, gain, bias], _outputs, [dy], { eps }) => {
        const { n, deviations } = normalized(x!, eps);
        const dgain = new Ref(gain!.shape), dbias = new Ref(bias!.shape);
        let r = 0;
        const dx = n.zipRows(dy!, (row, d) => {
          const deviation = deviations[r++]!;
          const g = d.map((v, c) => v * gain!.data[c]!);
          const mean = meanOf(g), along = meanOf(g.map((v, c) => v * row[c]!));
          d.forEach((v, c) => {
            dgain.data[c]! += v * row[c]!;
            dbias.data[c]! += v;
          });
          return g.map((v, c) => (v - mean - row[c]! * along) / deviation);
        });
        return [dx, dgain, dbias];
      },
    },
    cases: [
      { shapes: [[1, 1], [1], [1]], attributes: { eps: 1e-5 } },
      { shapes: [[3, 7], [7], [7]], attributes: { eps: 1e-5 } },
      { shapes: [[2, 3, 5], [5], [5]], attributes: { eps: 1e-2 }, note: "three axes" },
      { shapes: [[5, 64], [64], [64]], attributes: { eps: 1e-6 }, note: "vec4" },
      { shapes: [[33, 12], [12], [12]], attributes: { eps: 1e-5 }, note: "beyond one workgroup" },
      { shapes: [[131, 3], [3], [3]], attributes: { eps: 1e-5 }, note: "gains in parts" },
      { shapes: [[131, 8], [8], [8]], attributes: { eps: 1e-5 }, note: "gains of four columns in parts" },
      { shapes: [[2, 1031], [1031], [1031]], attributes: { eps: 1e-5 } },
      { shapes: [[130, 36], [36], [36]], attributes: { eps: 1e-5 }, note: "lanes share rows, some idle" },
      { shapes: [[5, 1000], [1000], [1000]], attributes: { eps: 1e-5 }, note: "lanes share wide rows" },
      {
        shapes: [[2, 4], [4], [4]],
        attributes: { eps: 0.5 },
        values: [[3, 3, 3, 3, 0, 0, 0, 0]],
        note: "constant rows",
      },
    ],
  });
}

Deno.test("layer_norm: rows far from zero keep their spread", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([10001, 10002, 10003, 10004], [1, 4]);
  const y = layerNorm(x, device.full([4], 1), device.full([4], 0));
  const step = 2 / Math.sqrt(5);
  const expected = [-1.5 * step, -0.5 * step, 0.5 * step, 1.5 * step];
  assertAllClose(await y.data(), expected, 1e-5);
  const many = device.tensor(Float32Array.from({ length: 8192 }, (_, i) => 10001 + i % 4), [2048, 4]);
  const rows = await layerNorm(many, device.full([4], 1), device.full([4], 0)).data();
  assertAllClose(rows, Float32Array.from({ length: 8192 }, (_, i) => expected[i % 4]!), 1e-5);
});

Deno.test("layer_norm: gains of 70,000 rows, and rows of 20,000", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const cols of [2, 4]) {
    const sign = (i: number) => i % 2 ? 1 : -1;
    const [gain, bias] = [1, 0].map((value) => device.parameter(new Float32Array(cols).fill(value), [cols]));
    const rows = device.tensor(Float32Array.from({ length: 70000 * cols }, (_, i) => i % 2), [70000, cols]);
    const y = layerNorm(rows, gain!, bias!, 0);
    assert.equal((await y.data()).findIndex((v, i) => v !== sign(i)), -1);
    const [, dgain, dbias] = y.node!.backward([device.full(y.shape, 1)], [false, true, true]);
    assertAllClose(await dgain!.data(), Float32Array.from({ length: cols }, (_, c) => 70000 * sign(c)), 1e-6);
    assertAllClose(await dbias!.data(), new Float32Array(cols).fill(70000), 1e-6);
  }
  const long = device.tensor(Float32Array.from({ length: 20000 }, (_, i) => i < 10000 ? -2 : 2), [20000]);
  const flat = await layerNorm(long, device.full([20000], 3), device.full([20000], 0), 0).data();
  assertAllClose(flat, Float32Array.from({ length: 20000 }, (_, i) => i < 10000 ? -3 : 3), 1e-5);
});

Deno.test("layer_norm: errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (message: string, x: number[], gain: number[], bias = gain) =>
    assert.throws(
      () => layerNorm(device.zeros(x), device.zeros(gain), device.zeros(bias)),
      new RangeError(message),
    );
  refuses("Cannot apply layer_norm: x must have at least 1 axes, got shape []", [], [1]);
  refuses("Cannot apply layer_norm: gain must have shape [3], got [2]", [2, 3], [2]);
  refuses("Cannot apply layer_norm: bias must have shape [3], got [2]", [2, 3], [3], [2]);
  refuses(
    "Cannot normalize rows of [1, 20001]: at most 20000 columns are supported, got 20001",
    [1, 20001],
    [20001],
  );
  assert.throws(
    () => layerNorm(device.zeros([2], "i32"), device.zeros([2]), device.zeros([2])),
    new RangeError("Cannot apply layer_norm: every input must hold f32, got i32"),
  );
});
