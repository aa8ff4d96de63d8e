import assert from "node:assert/strict";
import type { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** Steps of a training that has run once: one submit each, without a wait of the host and without new memory. */
export async function assertLeanSteps(device: Device, training: { step(n: number): Tensor }): Promise<void> {
  await training.step(0).item();
  const { recorder, pool } = device.gpu;
  const { submits } = recorder.counters, { created, liveBytes } = pool.counters;
  for (let n = 1; n < 6; n++) training.step(n); // synchronous: nothing can be awaited
  assert.equal(recorder.counters.submits - submits, 5);
  assert.deepEqual([pool.counters.created, pool.counters.liveBytes], [created, liveBytes]);
}
