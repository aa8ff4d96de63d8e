import assert from "node:assert/strict";
import { type ObservedCanvas, policyState, type StateForm } from "../../src/policy/policy_state.ts";
import type { Device } from "../../src/tensor/device.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

/** A batch on the host, and the same on the device. */
function observed(device: Device, width: number, masks: readonly (readonly number[])[], seed = 1) {
  const random = seededRandom(seed), batch = masks.length, count = width * width;
  const values = (length: number) => Float32Array.from({ length }, () => random());
  const signals = values(batch * count * 3), progress = values(batch * 2);
  const canvas: ObservedCanvas = {
    unpainted: device.tensor(Int32Array.from(masks.flat()), [batch, count]),
    signals: device.tensor(signals, [batch, count, 3]),
    progress: device.tensor(progress, [batch, 2]),
  };
  return { canvas, signals, progress };
}

/** Features of one canvas in float64, by the plainest way to each. */
function reference(mask: readonly number[], width: number, signals: ArrayLike<number>, progress: ArrayLike<number>) {
  const cells = mask.map((_, n) => ({ n, y: Math.floor(n / width), x: n % width }));
  const painted = cells.filter(({ n }) => mask[n] === 0);
  const features = cells.flatMap(({ n, y, x }) => {
    const distances = painted.map((other) => Math.hypot(other.y - y, other.x - x) / width);
    const seen = [0, 1, 2].map((k) => mask[n] ? signals[3 * n + k]! : 0);
    return [1 - mask[n]!, painted.length ? Math.min(...distances) : 1, ...seen];
  });
  const coverage = painted.length / mask.length;
  const blocks = Array.from({ length: 8 }, (_, block) => {
    const inside = cells.filter(({ y, x }) => 4 * Math.floor(2 * y / width) + Math.floor(4 * x / width) === block);
    return inside.length ? inside.filter(({ n }) => mask[n] === 0).length / inside.length : 0;
  });
  return { cells: features, canvas: [progress[0]!, progress[1]!, coverage, 1 - coverage, ...blocks] };
}

for (const width of [1, 2, 3, 7, 16]) {
  Deno.test(`policyState against the definitions, a grid of width ${width}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const random = seededRandom(width), count = width * width;
    const mask = (share: number) => Array.from({ length: count }, () => random() < share ? 1 : 0);
    const only = (cell: number) => Array.from({ length: count }, (_, n) => n === cell ? 0 : 1);
    const masks = [
      mask(2), // nothing is painted
      mask(0), // everything is
      only(0),
      only(count - 1),
      only(Math.floor(count / 2)),
      ...[0.1, 0.5, 0.9, 0.97].map(mask),
    ];
    for (const form of ["confidence", "blind"] as StateForm[]) {
      const { canvas, signals, progress } = observed(device, width, masks);
      const state = policyState(canvas, form);
      const wanted = masks.map((mask, b) => {
        const seen = signals.subarray(b * count * 3, (b + 1) * count * 3).map((s) => form === "blind" ? 0 : s);
        return reference(mask, width, seen, progress.subarray(2 * b, 2 * b + 2));
      });
      assertAllClose(await state.cells.data(), wanted.flatMap(({ cells }) => cells), 1e-6);
      assertAllClose(await state.canvas.data(), wanted.flatMap(({ canvas }) => canvas), 1e-6);
    }
  });
}

Deno.test("policyState: blind does not see the signals, not even NaN; painted cells do not show theirs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { canvas } = observed(device, 2, [[0, 1, 1, 0]]);
  const signals = device.full([1, 4, 3], NaN);
  const blind = await policyState({ ...canvas, signals }, "blind").cells.data();
  assertAllClose(blind, [1, 0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 1, 0, 0, 0, 0], 1e-6);
  const without = await policyState({ ...canvas, signals: canvas.progress }, "blind").cells.data();
  assert.deepEqual(without, blind);
  const seeing = await policyState({ ...canvas, signals }, "confidence").cells.data();
  assert.deepEqual([...seeing].map(Number.isNaN).flatMap((is, i) => is ? [i] : []), [7, 8, 9, 12, 13, 14]);
});

Deno.test("policyState: a larger batch gives each canvas the same bits", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const random = seededRandom(5);
  const masks = Array.from({ length: 70 }, () => Array.from({ length: 9 }, () => random() < 0.5 ? 1 : 0));
  const many = policyState(observed(device, 3, masks).canvas, "blind");
  const few = policyState(observed(device, 3, masks.slice(0, 2)).canvas, "blind");
  assert.deepEqual((await many.cells.data()).subarray(0, 90), await few.cells.data());
  assert.deepEqual((await many.canvas.data()).subarray(4, 12), (await few.canvas.data()).subarray(4, 12));
});

Deno.test("policyState refuses what does not fit, in one line", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { canvas } = observed(device, 2, [[0, 1, 1, 0]]);
  const refused = (change: Partial<ObservedCanvas>, message: string) =>
    assert.throws(() => policyState({ ...canvas, ...change }, "confidence"), { name: "RangeError", message });
  refused(
    { unpainted: device.zeros([1, 5], "i32") },
    "Cannot apply policy_state: the number of cells must be a square, got 5",
  );
  refused({ unpainted: device.zeros([1, 4]) }, "Cannot apply policy_state: unpainted must hold i32, got f32");
  refused(
    { signals: device.zeros([1, 4, 2]) },
    "Cannot apply policy_state: signals must have shape [1, 4, 3], got [1, 4, 2]",
  );
  refused({ progress: device.zeros([2, 2]) }, "Cannot apply policy_state: progress must have shape [1, 2], got [2, 2]");
});
