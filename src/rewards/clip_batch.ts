import type { ClipTowerConfig } from "../models/clip_config.ts";

/** What a batch may leave behind on its way through a tower. */
const maxBytes = 2 ** 29;

/**
 * How many pictures or texts, of so many tokens each, may go through a tower of a CLIP together: what its ops make
 * lives until the last of them, 14 C + 2 I numbers a token and layer of width C and inner width I. At half a GiB these
 * are 16 pictures for ViT-B/32, one for ViT-L/14, 124 prompts of ten tokens.
 */
export function clipBatch(tower: ClipTowerConfig, tokens: number): number {
  const { hidden_size: width, intermediate_size: inner, num_hidden_layers: layers } = tower;
  return Math.max(1, Math.floor(maxBytes / (4 * layers * tokens * (14 * width + 2 * inner))));
}
