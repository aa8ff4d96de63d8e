import assert from "node:assert/strict";
import { copyKernels, peakContender } from "../../bench/peak.ts";
import { uniform } from "../../bench/host_data.ts";
import { testDevice } from "../support/device.ts";

Deno.test("every copy of which the peak of memory is taken copies all of it", async () => {
  const device = await testDevice();
  const count = 2500, { data } = uniform(1, [count * 4], 0.9);
  for (const kernel of copyKernels(true)) {
    const contender = peakContender(device, kernel, count);
    contender.run();
    assert.deepEqual((await contender.results())[0], data, `${kernel.entry} ${kernel.WG} ${kernel.VECTORS}`);
    contender.dispose();
  }
});

Deno.test("GPUs copy from buffers only", () => {
  assert.ok(copyKernels(false).every(({ entry }) => entry === "copy"));
});
