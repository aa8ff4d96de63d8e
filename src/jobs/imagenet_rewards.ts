import { type ClipEncoders, unitRows } from "../models/clip.ts";
import { type ClipConfig, clipShapes } from "../models/clip_config.ts";
import { FrozenClip } from "../models/frozen_clip.ts";
import { ClipFeatures } from "../rewards/clip_features.ts";
import { readClassNames } from "../rewards/clip_names.ts";
import { ClipReward, type ClipRewardForm } from "../rewards/clip_reward.ts";
import { UserError } from "../error.ts";
import { QualityReward } from "../rewards/quality_reward.ts";
import type { Reward, WeightedReward } from "../rewards/reward.ts";
import { concat } from "../ops/concat.ts";
import type { Device } from "../tensor/device.ts";
import { philox } from "../tensor/philox.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { openClipRewards } from "./clip_rewards.ts";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { clipOf, generatorOf, pictureSize } from "./imagenet_models.ts";
import { randomWeights, randomWeightsOf } from "./imagenet_random.ts";

/**
 * Names of the classes: those of the config's file, or "class 0" and so on.
 *
 * @throws {UserError} for a file that is missing or holds another number of names.
 */
export async function classNamesOf(config: ImagenetConfig): Promise<string[]> {
  const { classes } = generatorOf(config), file = config.reward.clip?.names;
  if (file) return await readClassNames(file, classes);
  return Array.from({ length: classes }, (_, label) => `class ${label}`);
}

/**
 * The rewards of a config that look at pictures in colour: those of a CLIP, of an aesthetic head, and the classic quality.
 *
 * @throws {UserError} for rewards that need real digits, and for files that are missing or malformed.
 */
export async function imagenetRewards(
  device: Device,
  config: ImagenetConfig,
  classNames: readonly string[],
): Promise<WeightedReward[]> {
  const { reward } = config;
  if (reward.classifier || reward.realism || reward.quality?.form === "calibrated") {
    throw new UserError(
      "Cannot reward ImageNet pictures by classifier, realism or calibrated quality: they go by real digits; use clip, " +
        "aesthetic, fidelity, module or quality: {form: classic}",
    );
  }
  const size = pictureSize(config);
  const pictures = { height: size, width: size, classNames };
  const isRandom = reward.clip?.folder === randomWeights;
  const drawn = isRandom ? [await randomClip(device, config, reward.clip!.form, reward.clip!.weight)] : [];
  const clip = isRandom || !reward.clip ? null : { ...reward.clip, names: null }; // they are read
  const opened = await openClipRewards(device, { clip, aesthetic: reward.aesthetic }, pictures);
  const quality = reward.quality
    ? [{ reward: new QualityReward({ form: "classic" }), weight: reward.quality.weight }]
    : [];
  return [...drawn, ...opened, ...quality];
}

/**
 * What judges the pictures alone: the probability of the wanted class under a second CLIP, which no reward has seen;
 * null where the config has none.
 */
export async function heldOutClip(
  device: Device,
  config: ImagenetConfig,
  classNames: readonly string[],
): Promise<Reward | null> {
  const { held_out_clip: folder, reward } = config, size = pictureSize(config);
  if (folder === null) return null;
  if (folder === randomWeights) return (await randomClip(device, config, "softmax", 1)).reward;
  const { templates } = reward.clip ?? { templates: ["a photo of a {name}"] };
  const clip = { weight: 1, form: "softmax" as const, folder, templates };
  const [opened] = await openClipRewards(device, { clip }, { height: size, width: size, classNames });
  return opened!.reward;
}

/** A CLIP of random weights in whose eyes the classes have random texts, since it has no tokenizer. */
async function randomClip(
  device: Device,
  config: ImagenetConfig,
  form: ClipRewardForm,
  weight: number,
): Promise<WeightedReward> {
  const clipConfig = clipOf(config);
  const clip = await FrozenClip.from(device, clipConfig, randomWeightsOf(clipShapes(clipConfig), config.seed + 2));
  const size = pictureSize(config);
  const prompts = randomPrompts(device, clip, generatorOf(config).classes);
  clip.dropTexts();
  return { reward: new ClipReward(new ClipFeatures(device, clip, size, size), prompts, form), weight };
}

/** Texts that go through the model at a time, and tokens of each. */
const textsTogether = 64, tokensOfText = 8;

/** Embeddings of random texts, `[K, P]`, rows of length 1, outside every scope. */
function randomPrompts(device: Device, clip: ClipEncoders, count: number): Tensor {
  const { vocab_size, max_position_embeddings: most, eos_token_id }: ClipConfig["text_config"] =
    clip.config.text_config;
  const length = Math.min(tokensOfText, most);
  return device.persistent(() => {
    using scope = device.scope();
    const parts: Tensor[] = [];
    for (let start = 0; start < count; start += textsTogether) {
      using batch = device.scope();
      const some = Math.min(textsTogether, count - start);
      const ids = Int32Array.from({ length: some * length }, (_, i) => {
        const [word] = philox([start * length + i, 0, 0, 0], [0, textStream]);
        return i % length === length - 1 ? eos_token_id : word % (vocab_size - 1);
      });
      parts.push(batch.keep(device.noGrad(() => unitRows(clip.encodeText(device.tensor(ids, [some, length]))))));
    }
    return scope.keep(device.noGrad(() => concat(parts, 0)));
  });
}

const textStream = 0x7478;
