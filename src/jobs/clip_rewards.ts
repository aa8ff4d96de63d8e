import { join } from "node:path";
import { readAestheticHead } from "../rewards/aesthetic_head.ts";
import { AestheticReward } from "../rewards/aesthetic_reward.ts";
import { ClipFeatures } from "../rewards/clip_features.ts";
import { readClassNames } from "../rewards/clip_names.ts";
import { embedClasses } from "../rewards/clip_prompts.ts";
import { ClipReward } from "../rewards/clip_reward.ts";
import type { WeightedReward } from "../rewards/reward.ts";
import type { RewardConfig } from "../rewards/reward_config.ts";
import type { Device } from "../tensor/device.ts";
import { clipTokenizer, loadClip } from "./clip_files.ts";

/** What is to be rewarded. */
export interface RewardedPictures {
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
  /** Names of the classes, where the config names no file of them. */
  readonly classNames: readonly string[];
}

/**
 * The rewards of a config that look through a CLIP. A folder that both name is loaded once, and a picture goes through
 * it once.
 *
 * @throws {UserError} for files that are missing or malformed, before the first picture.
 */
export async function openClipRewards(
  device: Device,
  { clip, aesthetic }: Pick<RewardConfig, "clip" | "aesthetic">,
  { height, width, classNames }: RewardedPictures,
): Promise<WeightedReward[]> {
  const opened = new Map<string, ClipFeatures>();
  const featuresOf = async (folder: string) => {
    const features = opened.get(folder) ?? new ClipFeatures(device, await loadClip(device, folder), height, width);
    opened.set(folder, features);
    return features;
  };
  const rewards: WeightedReward[] = [];
  if (clip) {
    const { folder, form, names, templates, weight } = clip;
    const called = names ? await readClassNames(names, classNames.length) : classNames;
    const features = await featuresOf(folder);
    const tokenizer = await clipTokenizer(join(folder, "tokenizer.json"), features.clip.config.text_config);
    const prompts = embedClasses(device, features.clip, tokenizer, called, templates);
    rewards.push({ reward: new ClipReward(features, prompts, form), weight });
  }
  if (aesthetic) {
    const features = await featuresOf(aesthetic.folder);
    const head = await readAestheticHead(aesthetic.file, features.clip.config.projection_dim);
    rewards.push({ reward: new AestheticReward(device, features, head), weight: aesthetic.weight });
  }
  return rewards;
}
