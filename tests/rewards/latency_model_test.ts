import assert from "node:assert/strict";
import { fitLatency, type LatencyCoefficients, type LatencyMeasurement } from "../../src/rewards/latency_model.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

/** Times of paintings in 4 to 64 steps of 256 cells, each time off by at most `noise` of itself. */
function measured({ base, perStep, perCell }: LatencyCoefficients, noise = 0): LatencyMeasurement[] {
  const random = seededRandom(5);
  return [4, 8, 16, 32, 64].flatMap((steps) =>
    [256, 1024, 4096].map((cells) => ({
      steps,
      cells,
      milliseconds: (base + perStep * steps + perCell * cells) * (1 + noise * (2 * random() - 1)),
    }))
  );
}

const values = ({ base, perStep, perCell }: LatencyCoefficients) => [base, perStep, perCell];

Deno.test("fitLatency finds the coefficients that made the measurements, with noise nearly", () => {
  const truth = { base: 12, perStep: 3.5, perCell: 0.02 };
  assertAllClose(values(fitLatency(measured(truth)).coefficients), values(truth), 1e-9);
  const noisy = values(fitLatency(measured(truth, 0.03)).coefficients);
  noisy.forEach((value, i) => {
    const relative = Math.abs(value / values(truth)[i]! - 1);
    assert.ok(relative < 0.25, `coefficient ${i} is ${value}`);
  });
});

Deno.test("fitLatency: coefficients that would be negative are zero, and the others are fitted without them", () => {
  const { base, perStep, perCell } = fitLatency(measured({ base: -5, perStep: 2, perCell: 0.01 })).coefficients;
  assert.equal(base, 0);
  assert.ok(perStep > 1.5 && perStep < 2 && perCell > 0.005 && perCell < 0.01, `${perStep} and ${perCell}`);
});

Deno.test("fitLatency: where cells rise with the steps, the steps explain the time", () => {
  const proportional = [4, 8, 16].map((steps) => ({ steps, cells: 16 * steps, milliseconds: 1 + 2 * steps }));
  assertAllClose(values(fitLatency(proportional).coefficients), [1, 2, 0], 1e-9);
});

Deno.test("LatencyModel: milliseconds of paintings on the device", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = fitLatency(measured({ base: 12, perStep: 3.5, perCell: 0.02 }));
  const spent = device.tensor([4, 300, 64, 4096, 0, 0], [3, 2]);
  assertAllClose(await model.cost(spent).data(), [12 + 14 + 6, 12 + 224 + 81.92, 12], 1e-6);
  assert.throws(() => model.cost(device.zeros([3])), {
    name: "RangeError",
    message: "Cannot apply latency model: spent must have shape [3, 2], got [3]",
  });
});

Deno.test("fitLatency refuses too few measurements and numbers that are none", () => {
  assert.throws(() => fitLatency([]), {
    name: "RangeError",
    message: "Cannot fit latency to 0 measurements: wanted at least 3, of different steps and cells",
  });
  const wrong = [...measured({ base: 1, perStep: 1, perCell: 0 }), { steps: 4, cells: 5, milliseconds: NaN }];
  assert.throws(() => fitLatency(wrong), {
    name: "RangeError",
    message: "Cannot fit latency: measurement 15 must hold finite numbers of at least 0, got 4 steps, 5 cells, NaN ms",
  });
  const falling = [1, 2, 3].map((steps) => ({ steps, cells: 0, milliseconds: 10 - steps }));
  assert.throws(() => fitLatency(falling), {
    name: "RangeError",
    message: "Cannot fit latency: the times of 3 measurements rise with neither steps nor cells; " +
      "measure more of them, from few steps to many, on an idle machine",
  });
});
