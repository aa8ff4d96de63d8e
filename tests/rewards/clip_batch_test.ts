import assert from "node:assert/strict";
import { clipPresets } from "../../src/models/clip_config.ts";
import { clipBatch, clipKernels, clipPictures } from "../../src/rewards/clip_batch.ts";
import { ClipFeatures } from "../../src/rewards/clip_features.ts";
import { testDevice } from "../support/device.ts";
import { tinyClip } from "./tiny_clip.ts";

Deno.test("clipPictures: as many as memory takes, more where a recording would not hold the batches", () => {
  const together = (name: string, count: number) => clipPictures(clipPresets[name]!.vision_config, count);
  assert.deepEqual([1, 45, 1000].map((count) => together("ViT-B/32", count)), [1, 13, 39]);
  assert.deepEqual([1, 8, 45].map((count) => together("ViT-L/14", count)), [1, 1, 4]);
  for (const [name, { vision_config }] of Object.entries(clipPresets)) {
    for (const count of [45, 200, 1000]) {
      const kernels = Math.ceil(count / together(name, count)) * clipKernels(vision_config);
      assert.ok(kernels <= 6000, `${name}, ${count} pictures: ${kernels}`);
    }
  }
  assert.equal(clipBatch(clipPresets["ViT-B/32"]!.text_config, 10), 99);
});

Deno.test("clipKernels: what a recorded batch takes", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const clip = tinyClip(device), features = new ClipFeatures(device, clip, 8, 10);
  const painted = { images: device.zeros([3, 3, 8, 10]), classes: device.zeros([3], "i32") };
  const { recorder } = device.gpu, dispatch = recorder.dispatch.bind(recorder);
  let kernels = 0;
  recorder.dispatch = (...given) => {
    kernels++;
    dispatch(...given);
  };
  try {
    device.capture(() => features.of(painted)).dispose();
  } finally {
    recorder.dispatch = dispatch;
  }
  const most = clipKernels(clip.config.vision_config);
  assert.ok(kernels <= most && kernels > most - 10, `${kernels} of ${most}`);
});
