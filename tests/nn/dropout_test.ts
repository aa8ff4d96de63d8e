import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import { dropout, keepMask } from "../../src/nn/dropout.ts";
import { mul } from "../../src/ops/elementwise_binary.ts";
import { randomUniform } from "../../src/ops/random.ts";
import { sum } from "../../src/ops/reduce.ts";
import type { RandomKey } from "../../src/tensor/philox.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const key: RandomKey = { seed: 3, stream: 1, step: 2, purpose: 4 };

Deno.test("dropout keeps the share 1 - rate, scaled so that the mean stays", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const rate of [0.1, 0.5, 0.9]) {
    const values = await dropout(device.full([100, 101], 2), rate, key).data();
    const kept = values.filter((value) => value !== 0);
    assertAllClose(kept, new Float32Array(kept.length).fill(2 / (1 - rate)), 1e-6);
    const share = kept.length / values.length, deviation = Math.sqrt(rate * (1 - rate) / values.length);
    assert.ok(Math.abs(share - (1 - rate)) < 4 * deviation, `${share} kept at rate ${rate}`);
  }
});

Deno.test("keepMask: exactly the numbers above the rate are kept, however close to it", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const numbers = await randomUniform(device, [4096], key).data();
  const near = [numbers[0]!, numbers[0]! - 2 ** -24, numbers[0]! + 2 ** -24, 1e-12];
  for (const rate of near) {
    const mask = await keepMask(device, [4096], rate, key).data();
    assert.deepEqual([...mask], [...numbers].map((u) => u > Math.fround(rate) ? 1 : 0), `rate ${rate}`);
  }
});

Deno.test("dropout: the gradient passes where the value did, and rate 0 is the identity", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor(Float32Array.from({ length: 35 }, (_, i) => i + 1), [5, 7]);
  x.requiresGrad = true;
  const weights = device.tensor(Float32Array.from({ length: 35 }, (_, i) => 1 - i), [5, 7]);
  const y = dropout(x, 0.4, key);
  const [dx] = gradients(sum(mul(y, weights)), [x]) as [typeof x];
  const [ys, dxs] = await device.read([y, dx]) as [Float32Array, Float32Array];
  assert.ok(ys.includes(0) && ys.some((value) => value > 0));
  assertAllClose(dxs, ys.map((value, i) => value === 0 ? 0 : (1 - i) / 0.6), 1e-6);
  assert.equal(dropout(x, 0, key), x);
});

Deno.test("dropout follows a scalar of its key from replay to replay", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const step = new Scalar(0), x = device.full([64], 1);
  const captured = device.capture(() => dropout(x, 0.5, { ...key, step }));
  const draws: string[] = [];
  for (const value of [0, 1, 0]) {
    step.value = value;
    captured.replay();
    draws.push((await captured.result.data()).join());
  }
  captured.dispose();
  assert.notEqual(draws[0], draws[1]);
  assert.equal(draws[0], draws[2]);
});

Deno.test("dropout refuses rates that are no probability below 1", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const rate of [-0.1, 1, NaN]) {
    assert.throws(() => dropout(device.zeros([2]), rate, key), {
      name: "RangeError",
      message: `Cannot drop out: the rate must be at least 0 and below 1, got ${rate}`,
    });
  }
});
