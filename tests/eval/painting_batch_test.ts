import assert from "node:assert/strict";
import { ArpgPainter, type PaintSettings } from "../../src/eval/arpg_painter.ts";
import { type BatchMemory, pixelsBatch, tokensBatch } from "../../src/eval/painting_batch.ts";
import { type ArpgConfig, arpgPresets, arpgSizes } from "../../src/models/arpg_config.ts";
import { groupSizes } from "../../src/models/decode_schedule.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import type { FrozenDtype } from "../../src/models/frozen_weights.ts";
import { vq16, vqConfigSchema } from "../../src/models/vq_config.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { tinyArpg, tinyArpgConfig } from "../models/tiny_arpg.ts";
import { testDevice } from "../support/device.ts";

/** The limits of llvmpipe. */
const memory: BatchMemory = {
  bytes: 2 ** 30,
  limits: { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 31, maxTextureDimension2D: 8192 },
};

function batchOf(config: ArpgConfig, steps: number, guided: boolean, dtype: FrozenDtype, given = memory): number {
  const plan = { groups: groupSizes("arccos", steps, config.cells) };
  return tokensBatch({ config, sizes: arpgSizes(config), dtype }, plan, guided, given);
}

Deno.test("tokensBatch: small models are painted by the two hundred, large ones as many as a GiB holds", () => {
  assert.equal(batchOf({ ...tinyArpgConfig, dim: 128, layers: 6, vocab: 256 }, 12, true, "float32"), 200);
  const { "ARPG-L": large, "ARPG-XXL": largest } = arpgPresets;
  const guided = batchOf(large, 64, true, "float32");
  assert.ok(guided >= 8 && guided * 52 * 2 ** 20 <= 2 ** 30, `${guided} with 52 MiB of caches each`);
  assert.ok(batchOf(large, 64, true, "float16") > guided);
  assert.ok(batchOf(large, 64, false, "float32") > guided);
  assert.ok(batchOf(largest, 64, true, "float32") < guided);
  assert.equal(batchOf(large, 64, true, "float32", { ...memory, bytes: 1 }), 1);
});

Deno.test("tokensBatch: logits fit a binding, caches a texture, rows a grid", () => {
  const large = arpgPresets["ARPG-L"];
  const plenty = { ...memory, bytes: 2 ** 40 };
  assert.equal(batchOf(large, 1, true, "float32", plenty), 4, "2 x 256 rows of 16,384 logits take 32 of 128 MiB");
  assert.equal(batchOf(large, 256, true, "float32", plenty), 64, "2 x 64 rows of 1024 texels of 8192");
  const wide = { limits: { ...memory.limits, maxTextureDimension2D: 2 ** 20, maxBufferSize: 2 ** 40 }, bytes: 2 ** 50 };
  const small = { ...tinyArpgConfig, cells: 1024 };
  assert.equal(batchOf(small, 1, true, "float32", wide), 31, "2 x 1025 rows of 65,535");
  const known = { steps: 4, mostKnown: 255, mostGroup: 10 };
  const model = { config: large, sizes: arpgSizes(large), dtype: "float32" } as const;
  assert.ok(tokensBatch(model, known, true, memory) < tokensBatch(model, { ...known, mostKnown: 0 }, true, memory));
});

Deno.test("pixelsBatch: VQ-16 decodes two pictures in a GiB, and never more than a texture holds", () => {
  assert.equal(pixelsBatch(vq16, 16, memory), 2);
  assert.equal(pixelsBatch(vq16, 16, { ...memory, bytes: 2 ** 40 }), 4);
  assert.equal(pixelsBatch({ ...vq16, ch: 16, ch_mult: [1, 2, 2] }, 7, memory), 200);
  assert.equal(
    pixelsBatch({ ...vq16, ch_mult: [1, 4] }, 128, { ...memory, bytes: 2 ** 40 }),
    1,
    "the lower level's channels reach the image's resolution: 512 x 256 x 256",
  );
});

Deno.test("ArpgPainter: pictures are the same in batches of any size, and progress is told batch by batch", async () => {
  const device = await testDevice();
  const sizes = { ch: 16, ch_mult: [1, 1], num_res_blocks: 1, codebook_embed_dim: 4, z_channels: 4 };
  const tokenizer = new VqTokenizer(new Initializer(device, 1), vqConfigSchema.parse({ ...sizes, codebook_size: 12 }));
  const model = await FrozenArpg.of(tinyArpg(device));
  const settings: PaintSettings = {
    ...{ schedule: "cosine", steps: 3, order: "random", guidance: { scale: 2, form: "linear" } } as const,
    ...{ temperature: 1, seed: 4 },
  };
  const plan = { groups: groupSizes("cosine", 3, 16) };
  const { limits } = device.gpu.adapter.device;
  const paint = async (bytes: number) => {
    using painter = new ArpgPainter(model, tokenizer, bytes);
    const progress: number[] = [];
    const paintings = await painter.paint([0, 1, 2, 0, 1], settings, { onProgress: (done) => progress.push(done) });
    return { paintings, progress };
  };
  const together = await paint(2 ** 30);
  assert.deepEqual(together.progress, [5]);
  const bytes = 160_000;
  assert.deepEqual(
    [tokensBatch(model, plan, true, { bytes, limits }), pixelsBatch(tokenizer.config, 4, { bytes, limits })],
    [3, 2],
    "a budget that both kinds of batches feel",
  );
  assert.deepEqual(await paint(bytes), { paintings: together.paintings, progress: [3, 5] });
  assert.deepEqual(await paint(1), { paintings: together.paintings, progress: [1, 2, 3, 4, 5] });
  model.dispose();
});
