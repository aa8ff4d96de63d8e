import { clipGrid, type ClipTowerConfig, type ClipVisionConfig } from "../models/clip_config.ts";

/** What a batch may take on its way through a tower. */
const maxBytes = 2 ** 28;
/** Kernels that all batches of pictures may take together: a recording has room for 16,000, and two CLIPs may be in it. */
const maxKernels = 6000;

/**
 * How many texts, of so many tokens each, may go through a tower of a CLIP together. At a quarter of a GiB these are 436
 * prompts of ten tokens for ViT-B/32.
 */
export function clipBatch(tower: ClipTowerConfig, tokens: number): number {
  return Math.max(1, Math.floor(maxBytes / clipBytes(tower, tokens)));
}

/**
 * How many of `count` pictures go through a CLIP together: as many as a quarter of a GiB takes, 46 for ViT-B/32 and 8 for
 * ViT-L/14, or more where so many batches would not fit a recording.
 */
export function clipPictures(vision: ClipVisionConfig, count: number): number {
  const batches = Math.max(1, Math.floor(maxKernels / clipKernels(vision)));
  return Math.min(
    count,
    Math.max(1, Math.floor(maxBytes / clipPictureBytes(vision)), Math.ceil(count / batches)),
  );
}

/**
 * Kernels of a batch of pictures, of whatever size. Of the 28 a layer software adapters need 16: GPUs widen weights of
 * float16 and add up the parts of their products besides.
 */
export function clipKernels({ num_hidden_layers: layers }: ClipTowerConfig): number {
  return 28 * layers + 32;
}

/**
 * Bytes that a text or picture of so many tokens takes on its way through a tower without gradients: a layer's memory
 * serves the next. Of width C and inner width I, ops leave 14 C + 2 I numbers a token in a layer and up to 3 C of copies,
 * and 5 C stay outside.
 */
export function clipBytes({ hidden_size: width, intermediate_size: inner }: ClipTowerConfig, tokens: number): number {
  return 4 * tokens * (22 * width + 2 * inner);
}

/** Bytes that a picture takes: {@link clipBytes}, and its patches twice. */
export function clipPictureBytes(vision: ClipVisionConfig): number {
  const { num_channels, patch_size } = vision, tokens = clipGrid(vision) ** 2 + 1;
  return clipBytes(vision, tokens) + 4 * tokens * 2 * num_channels * patch_size ** 2;
}
