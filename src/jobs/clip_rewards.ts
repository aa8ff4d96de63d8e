import { join } from "node:path";
import type { FrozenClip } from "../models/frozen_clip.ts";
import { readAestheticHead } from "../rewards/aesthetic_head.ts";
import { AestheticReward } from "../rewards/aesthetic_reward.ts";
import { ClipFeatures } from "../rewards/clip_features.ts";
import { readClassNames } from "../rewards/clip_names.ts";
import { embedClasses } from "../rewards/clip_prompts.ts";
import { ClipReward } from "../rewards/clip_reward.ts";
import type { WeightedReward } from "../rewards/reward.ts";
import type { RewardConfig } from "../rewards/reward_config.ts";
import type { Device } from "../tensor/device.ts";
import { clipTokenizer, loadFrozenClip } from "./clip_files.ts";

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
 * it once. Its tower of texts goes once the prompts are embedded.
 *
 * @throws {UserError} for files that are missing or malformed, before the first picture.
 */
export async function openClipRewards(
  device: Device,
  { clip, aesthetic }: Pick<RewardConfig, "clip" | "aesthetic">,
  { height, width, classNames }: RewardedPictures,
): Promise<WeightedReward[]> {
  const look = (model: FrozenClip) => new ClipFeatures(device, model, height, width);
  const rewards: WeightedReward[] = [];
  let shared: ClipFeatures | null = null;
  if (clip) {
    const { folder, form, names, templates, weight } = clip;
    const called = names ? await readClassNames(names, classNames.length) : classNames;
    const model = await loadFrozenClip(device, folder);
    const tokenizer = await clipTokenizer(join(folder, "tokenizer.json"), model.config.text_config);
    const prompts = embedClasses(device, model, tokenizer, called, templates);
    model.dropTexts();
    const features = look(model);
    if (folder === aesthetic?.folder) shared = features;
    rewards.push({ reward: new ClipReward(features, prompts, form), weight });
  }
  if (aesthetic) {
    const features = shared ?? look(await loadFrozenClip(device, aesthetic.folder, { texts: false }));
    const head = await readAestheticHead(aesthetic.file, features.clip.config.projection_dim);
    rewards.push({ reward: new AestheticReward(device, features, head), weight: aesthetic.weight });
  }
  return rewards;
}
