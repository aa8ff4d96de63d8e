import assert from "node:assert/strict";
import { rmsNorm, rmsNormOp } from "../../src/ops/rms_norm.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp } from "../support/check_op.ts";
import { familiesOf, testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

const meanOf = (row: Float64Array) => row.reduce((a, b) => a + b, 0) / row.length;
const rms = (row: Float64Array, eps: number) => Math.sqrt(meanOf(row.map((v) => v * v)) + eps);

for (const rows of await familiesOf("rows")) {
  checkOp(rmsNormOp, {
    table: { rows },
    reference: {
      forward: ([x, gain], { eps }) => x!.mapRows((row) => row.map((v, c) => v / rms(row, eps) * gain!.data[c]!)),
      backward: ([x, gain], _outputs, [dy], { eps }) => {
        const dgain = new Ref(gain!.shape);
        const dx = x!.zipRows(dy!, (row, d) => {
          const size = rms(row, eps), n = row.map((v) => v / size);
          d.forEach((v, c) => dgain.data[c]! += v * n[c]!);
          const g = d.map((v, c) => v * gain!.data[c]!);
          const along = meanOf(g.map((v, c) => v * n[c]!));
          return g.map((v, c) => (v - n[c]! * along) / size);
        });
        return [dx, dgain];
      },
    },
    cases: [
      { shapes: [[1, 1], [1]], attributes: { eps: 1e-5 } },
      { shapes: [[3, 7], [7]], attributes: { eps: 1e-5 } },
      { shapes: [[2, 3, 5], [5]], attributes: { eps: 1e-2 }, note: "three axes" },
      { shapes: [[5, 64], [64]], attributes: { eps: 1e-6 }, note: "vec4" },
      { shapes: [[33, 12], [12]], attributes: { eps: 1e-5 }, note: "beyond one workgroup" },
      { shapes: [[131, 3], [3]], attributes: { eps: 1e-5 }, note: "gains in parts" },
      { shapes: [[131, 8], [8]], attributes: { eps: 1e-5 }, note: "gains of four columns in parts" },
      { shapes: [[2, 1031], [1031]], attributes: { eps: 1e-5 } },
      { shapes: [[130, 36], [36]], attributes: { eps: 1e-5 }, note: "lanes share rows, some idle" },
      { shapes: [[5, 1000], [1000]], attributes: { eps: 1e-5 }, note: "lanes share wide rows" },
      { shapes: [[2, 4], [4]], attributes: { eps: 0.5 }, values: [[3, 3, 3, 3, 0, 0, 0, 0]], note: "constant rows" },
    ],
  });
}

Deno.test("rms_norm: gains of 70,000 rows, and rows of 20,000", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const cols of [2, 4]) {
    const sign = (i: number) => i % 2 ? 1 : -1;
    const gain = device.parameter(new Float32Array(cols).fill(1), [cols]);
    const rows = device.tensor(Float32Array.from({ length: 70000 * cols }, (_, i) => 3 * sign(i)), [70000, cols]);
    const y = rmsNorm(rows, gain, 0);
    assert.equal((await y.data()).findIndex((v, i) => v !== sign(i)), -1);
    const [, dgain] = y.node!.backward([device.full(y.shape, 1)], [false, true]);
    assertAllClose(await dgain!.data(), Float32Array.from({ length: cols }, (_, c) => 70000 * sign(c)), 1e-6);
  }
  const long = rmsNorm(device.full([20000], -2), device.full([20000], 3), 0);
  assertAllClose(await long.data(), new Float32Array(20000).fill(-3), 1e-5);
});

Deno.test("rms_norm: errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (message: string, x: number[], gain: number[]) =>
    assert.throws(() => rmsNorm(device.zeros(x), device.zeros(gain)), new RangeError(message));
  refuses("Cannot apply rms_norm: x must have at least 1 axes, got shape []", [], [1]);
  refuses("Cannot apply rms_norm: gain must have shape [3], got [2]", [2, 3], [2]);
  refuses(
    "Cannot normalize rows of [1, 20001]: at most 20000 columns are supported, got 20001",
    [1, 20001],
    [20001],
  );
  assert.throws(
    () => rmsNorm(device.zeros([2]), device.zeros([2], "i32")),
    new RangeError("Cannot apply rms_norm: every input must hold f32, got i32"),
  );
});
