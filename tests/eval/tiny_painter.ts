import { ArpgPainter } from "../../src/eval/arpg_painter.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { vqConfigSchema } from "../../src/models/vq_config.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { tinyArpg, tinyArpgConfig } from "../models/tiny_arpg.ts";
import { testDevice } from "../support/device.ts";

/** A painter of 8x8 grey pictures of some classes from 4x4 codes out of 12. */
export async function tinyPainter(classes: number = tinyArpgConfig.classes): Promise<ArpgPainter> {
  const device = await testDevice();
  const sizes = { ch: 4, ch_mult: [1, 1], num_res_blocks: 1, codebook_embed_dim: 4, z_channels: 4, image_channels: 1 };
  const config = vqConfigSchema.parse({ ...sizes, codebook_size: tinyArpgConfig.vocab });
  const model = await FrozenArpg.of(tinyArpg(device, { classes }));
  return new ArpgPainter(model, new VqTokenizer(new Initializer(device, 1), config));
}
