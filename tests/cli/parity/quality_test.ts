import assert from "node:assert/strict";
import { runQuality } from "../../../src/cli/parity/quality.ts";
import { testDevice } from "../../support/device.ts";

Deno.test("parity: a quality case of grey images has a saturation of 1", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const images = { shape: [2, 1, 3, 3], data: Float32Array.from({ length: 18 }, (_, i) => i / 18) };
  const given = { folder: "", kind: "reward.quality", config: {}, params: {}, tolerance: 0 };
  const found = await runQuality(device, {
    ...given,
    inputs: new Map([["images", images]]),
    outputs: new Map(),
    weights: new Map(),
  });
  assert.deepEqual([...found.keys()], ["sharpness", "contrast", "saturation", "quality"]);
  assert.deepEqual([...found.get("saturation")!.data], [1, 1]);
});
