import { type VqConfig, vqConfigSchema } from "../../src/models/vq_config.ts";

/** A tokenizer of 12 codes that halves grey pictures once: 8x8 pixels in 4x4 cells. */
export const tinyVqConfig: VqConfig = vqConfigSchema.parse({
  ch: 4,
  ch_mult: [1, 1],
  num_res_blocks: 1,
  codebook_size: 12,
  codebook_embed_dim: 4,
  z_channels: 4,
  image_channels: 1,
});
