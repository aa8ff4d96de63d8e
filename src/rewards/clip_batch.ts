import { clipGrid, type ClipTowerConfig, type ClipVisionConfig } from "../models/clip_config.ts";

/** What a batch may leave behind on its way through a tower. */
const maxBytes = 2 ** 29;
/** Kernels that all batches of pictures may take together: a recording has room for 16,000, and two CLIPs may be in it. */
const maxKernels = 6000;

/**
 * How many texts, of so many tokens each, may go through a tower of a CLIP together. At half a GiB these are 99 prompts
 * of ten tokens for ViT-B/32.
 */
export function clipBatch(tower: ClipTowerConfig, tokens: number): number {
  return Math.max(1, Math.floor(maxBytes / clipBytes(tower, tokens)));
}

/**
 * How many of `count` pictures go through a CLIP together: as many as half a GiB takes, 13 for ViT-B/32 and one for
 * ViT-L/14, or more where so many batches would not fit a recording.
 */
export function clipPictures(vision: ClipVisionConfig, count: number): number {
  const batches = Math.max(1, Math.floor(maxKernels / clipKernels(vision)));
  return Math.min(count, Math.max(clipBatch(vision, clipTokens(vision)), Math.ceil(count / batches)));
}

/** Tokens of a picture. */
export function clipTokens(vision: ClipVisionConfig): number {
  return clipGrid(vision) ** 2 + 1;
}

/** Kernels of a batch of pictures, of whatever size. */
export function clipKernels({ num_hidden_layers: layers }: ClipTowerConfig): number {
  return 16 * layers + 32;
}

/**
 * Bytes that a picture or text of so many tokens leaves behind on its way through a tower: what its ops make lives until
 * the last of them, 14 C + 2 I numbers a token and layer of width C and inner width I.
 */
export function clipBytes(tower: ClipTowerConfig, tokens: number): number {
  const { hidden_size: width, intermediate_size: inner, num_hidden_layers: layers } = tower;
  return 4 * layers * tokens * (14 * width + 2 * inner);
}
