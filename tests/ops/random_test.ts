import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import { randomNormal, randomUniform } from "../../src/ops/random.ts";
import { philox, unitFloat } from "../../src/tensor/philox.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const key = { seed: 0xa4093822, stream: 0x299f31d0, step: 3, purpose: 0xfffffffe };

function hostWords(n: number): number[] {
  return Array.from(
    { length: n },
    (_, i) => philox([i >> 2, 0, key.step, key.purpose], [key.seed, key.stream])[i & 3]!,
  );
}

for (const shape of [[1], [7], [3, 67], [70_001]]) {
  Deno.test(`random uniform [${shape}] has the host generator's bits`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const uniform = randomUniform(device, shape, key);
    assert.deepEqual([...uniform.shape], shape);
    assert.deepEqual(await uniform.data(), Float32Array.from(hostWords(uniform.size), unitFloat));
  });
}

Deno.test("random normal follows Box-Muller and has a normal's moments", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const n = 70_002;
  const words = hostWords(n + 2).map(unitFloat);
  const expected = Float64Array.from({ length: n }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(words[i & ~1]!)), angle = 2 * Math.PI * words[i | 1]!;
    return radius * (i & 1 ? Math.sin(angle) : Math.cos(angle));
  });
  const numbers = await randomNormal(device, [n], key).data();
  assertAllClose(numbers, expected, 1e-5);
  const moment = (power: number) => [...numbers].reduce((sum, x) => sum + x ** power, 0) / n;
  assert.ok(Math.abs(moment(1)) < 4 / Math.sqrt(n), `mean ${moment(1)}`);
  assert.ok(Math.abs(moment(2) - 1) < 4 * Math.sqrt(2 / n), `variance ${moment(2)}`);
  assert.ok(Math.abs(moment(4) - 3) < 4 * Math.sqrt(96 / n), `fourth moment ${moment(4)}`);
});

Deno.test("a replayed draw follows its scalars", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const step = new Scalar(1);
  const captured = device.capture(() => randomUniform(device, [5], { ...key, step }));
  captured.replay();
  const first = await captured.result.data();
  step.value = 2;
  captured.replay();
  const second = await captured.result.data();
  assert.notDeepEqual(first, second);
  assert.deepEqual(second, await randomUniform(device, [5], { ...key, step: 2 }).data());
  captured.dispose();
});
