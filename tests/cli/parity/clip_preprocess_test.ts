import assert from "node:assert/strict";
import { runClipPreprocess } from "../../../src/cli/parity/clip_preprocess.ts";
import { clipDeviation, clipMean } from "../../../src/models/clip_preprocess.ts";
import type { HostTensor } from "../../../src/tensor/host_tensor.ts";
import { assertAllClose } from "../../support/assert_all_close.ts";
import { assertUserError } from "../../io/user_error.ts";
import { testDevice } from "../../support/device.ts";

async function run(image: HostTensor, size: number): Promise<HostTensor> {
  const device = await testDevice();
  using _scope = device.scope();
  const given = { folder: "there", kind: "clip.preprocess", config: { image_size: size }, params: {}, tolerance: 0 };
  const files = { inputs: new Map([["image", image]]), outputs: new Map(), weights: new Map() };
  return (await runClipPreprocess(device, { ...given, ...files })).get("pixel_values")!;
}

const normalised = (level: number, channel: number) => (level / 255 - clipMean[channel]!) / clipDeviation[channel]!;

Deno.test("parity: a clip.preprocess case is channels last, or grey with or without a channel", async () => {
  const colours = Uint8Array.from([0, 85, 170, 255, 51, 102, 10, 20, 30, 40, 50, 60]);
  const found = await run({ shape: [2, 2, 3], data: colours }, 2);
  assert.deepEqual(found.shape, [3, 2, 2]);
  const planes = [0, 1, 2].flatMap((c) => [0, 3, 6, 9].map((pixel) => normalised(colours[pixel + c]!, c)));
  assertAllClose(found.data, planes, 1e-5);
  const grey = Uint8Array.of(0, 90, 180, 255);
  const repeated = [0, 1, 2].flatMap((c) => [...grey].map((level) => normalised(level, c)));
  for (const shape of [[2, 2], [2, 2, 1]]) assertAllClose((await run({ shape, data: grey }, 2)).data, repeated, 1e-5);
});

Deno.test("parity: clip.preprocess refuses other channels and a missing size in one line", async () => {
  await assertUserError(
    () => run({ shape: [2, 2, 4], data: new Uint8Array(16) }, 2),
    "Cannot run clip.preprocess: image is [2, 2, 4]; wanted [H, W], [H, W, 1] or [H, W, 3]",
  );
  await assertUserError(
    () => run({ shape: [2, 2], data: new Uint8Array(4) }, 0),
    "Cannot read there/case.json: image_size: expected at least 1, received number 0",
  );
});
