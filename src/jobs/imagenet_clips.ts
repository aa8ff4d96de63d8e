import { join } from "node:path";
import { type ClipConfig, clipPresets } from "../models/clip_config.ts";
import { readClipConfig } from "./clip_files.ts";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { isThere } from "./imagenet_files.ts";
import { clipOf } from "./imagenet_models.ts";
import { randomWeights } from "./imagenet_random.ts";

/** A CLIP that a run loads. */
export interface RunClip {
  readonly folder: string;
  readonly sizes: ClipConfig;
  /** Whether it rewards: all pictures of an update go through it in one recording. The judge has none. */
  readonly rewards: boolean;
}

/**
 * The CLIPs that a run loads, a folder of two rewards once. Sizes are those of the folder's config.json; where it is not
 * there yet, of the model that the config or its documentation stands for.
 *
 * @throws {UserError} for a config.json that is malformed, or missing in a folder that is there.
 */
export async function clipsOf(config: ImagenetConfig): Promise<RunClip[]> {
  const { reward: { clip, aesthetic }, held_out_clip: judge } = config;
  const sizesOf = async (folder: string, expected: ClipConfig) =>
    folder !== randomWeights && await isThere({ path: folder, folder: true })
      ? await readClipConfig(join(folder, "config.json"))
      : expected;
  const rewarding = new Map<string, ClipConfig>();
  if (aesthetic) rewarding.set(aesthetic.folder, await sizesOf(aesthetic.folder, clipPresets["ViT-L/14"]!));
  if (clip) rewarding.set(clip.folder, await sizesOf(clip.folder, clipOf(config)));
  const clips = [...rewarding].map(([folder, sizes]): RunClip => ({ folder, sizes, rewards: true }));
  if (judge === null) return clips;
  const expected = judge === randomWeights ? clipOf(config) : clipPresets["ViT-B/16"]!;
  return [...clips, { folder: judge, sizes: await sizesOf(judge, expected), rewards: false }];
}
