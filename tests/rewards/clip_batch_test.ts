import assert from "node:assert/strict";
import { clipPresets, clipShapes } from "../../src/models/clip_config.ts";
import { FrozenClip } from "../../src/models/frozen_clip.ts";
import { clipBatch, clipKernels, clipPictureBytes, clipPictures } from "../../src/rewards/clip_batch.ts";
import { ClipFeatures } from "../../src/rewards/clip_features.ts";
import type { Device } from "../../src/tensor/device.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { tinyClipConfig } from "./tiny_clip.ts";

Deno.test("clipPictures: as many as memory takes, more where a recording would not hold the batches", () => {
  const together = (name: string, count: number) => clipPictures(clipPresets[name]!.vision_config, count);
  assert.deepEqual([1, 45, 1000].map((count) => together("ViT-B/32", count)), [1, 45, 63]);
  assert.deepEqual([1, 8, 45].map((count) => together("ViT-L/14", count)), [1, 8, 8]);
  for (const [name, { vision_config }] of Object.entries(clipPresets)) {
    for (const count of [45, 200, 1000, 3000]) {
      const kernels = Math.ceil(count / together(name, count)) * clipKernels(vision_config);
      assert.ok(kernels <= 6000, `${name}, ${count} pictures: ${kernels}`);
    }
  }
  assert.equal(clipBatch(clipPresets["ViT-B/32"]!.text_config, 10), 436);
});

/** A CLIP that only looks, of one layer and of sizes for which products are cut into parts on a GPU. */
async function frozen(device: Device): Promise<FrozenClip> {
  const vision = { ...tinyClipConfig.vision_config, hidden_size: 256, intermediate_size: 512, num_hidden_layers: 3 };
  const config = { ...tinyClipConfig, vision_config: vision }, shapes = clipShapes(config);
  const entries = new Map([...shapes].map(([name, shape]) => [name, { dtype: "F32", shape }]));
  const read = (name: string) => ({ shape: shapes.get(name)!, data: new Float32Array(sizeOf(shapes.get(name)!)) });
  return await FrozenClip.from(device, config, { entries, read }, { texts: false });
}

for (const family of ["lane", "block64"] as const) {
  Deno.test(`clipKernels: what a recorded batch takes at most, with ${family} kernels`, async () => {
    const device = await deviceWith(family === "lane" ? {} : { matmul: family });
    using _scope = device.scope();
    const clip = await frozen(device), features = new ClipFeatures(device, clip, 8, 10);
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
    const { vision_config: vision } = clip.config, most = clipKernels(vision);
    const least = most - (family === "lane" ? 12 : 0) * vision.num_hidden_layers;
    assert.ok(kernels <= least && kernels > least - 12, `${kernels} of ${least}`);
  });
}

Deno.test("clipPictureBytes: what a batch takes at once, however many layers there are", async () => {
  const device = await testDevice(), { pool } = device.gpu;
  using _scope = device.scope();
  const clip = await frozen(device), features = new ClipFeatures(device, clip, 12, 12), count = 256;
  const painted = { images: device.zeros([count, 3, 12, 12]), classes: device.zeros([count], "i32") };
  const acquire = pool.acquire.bind(pool), before = pool.counters.liveBytes;
  let most = 0;
  pool.acquire = (...given) => {
    const memory = acquire(...given);
    most = Math.max(most, pool.counters.liveBytes - before);
    return memory;
  };
  try {
    features.of(painted);
  } finally {
    pool.acquire = acquire;
  }
  const counted = count * clipPictureBytes(clip.config.vision_config);
  assert.ok(most < 1.2 * counted && most > 0.7 * counted, `${most} of ${counted}`);
});
