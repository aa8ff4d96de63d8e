import assert from "node:assert/strict";
import { hostCost } from "../../bench/host_cost.ts";
import { Scalar } from "../../src/gpu/params.ts";
import { applyAffine, fetchTexture } from "../gpu/kernels.ts";
import { testDevice } from "../support/device.ts";

Deno.test("hostCost: its replays run no kernel and leave the recording as it was", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([1, 2, 3, 4]), shift = new Scalar(1), idle = new Scalar(0);
  const captured = device.capture(() => {
    let y = fetchTexture(device.texture(applyAffine(x, 1, idle)));
    for (let i = 0; i < 30; i++) y = applyAffine(y, 1, shift);
    return y;
  });
  captured.replay();
  assert.deepEqual([...await captured.result.data()], [31, 32, 33, 34]);
  x.write(Float32Array.of(0, 0, 0, 0));
  let advanced = 0;
  const cost = await hostCost(device, captured.recording, () => shift.value = ++advanced, 5);
  assert.deepEqual([...await captured.result.data()], [31, 32, 33, 34]);
  assert.equal(advanced, 20);
  shift.value = 2;
  captured.replay();
  assert.deepEqual([...await captured.result.data()], [60, 60, 60, 60]);
  assert.ok(cost.submit > 0 && Number.isFinite(cost.op) && Number.isFinite(cost.plainOp), JSON.stringify(cost));
  captured.dispose();
});
