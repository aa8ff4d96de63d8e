import { z } from "zod";
import { arpgConfigSchema } from "../models/arpg_config.ts";
import { clipConfigSchema } from "../models/clip_config.ts";
import { llamaGenConfigSchema } from "../models/llamagen_config.ts";
import { vqConfigSchema } from "../models/vq_config.ts";
import { rewardConfigSchema } from "../rewards/reward_config.ts";
import { checkLlamaGen } from "./imagenet_ar_grpo_check.ts";
import { checkImagenet } from "./imagenet_config_check.ts";
import {
  generatorTrainingSchema,
  policySizesSchema,
  policyTrainingSchema,
  seedSchema,
  trainedSchema,
} from "./policy_training_config.ts";

const positive = z.number().positive();
const pictures = z.int().min(1);

/** Names of `arpgPresets`, `llamaGenPresets` and `clipPresets`. */
const arpgNames = ["ARPG-L", "ARPG-XL", "ARPG-XXL"] as const;
const llamaGenNames = ["LlamaGen-B", "LlamaGen-L", "LlamaGen-XL"] as const;
const clipNames = ["ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px"] as const;

const modelSchema = z.strictObject({
  weights: z.string(),
  sizes: z.union([z.enum(arpgNames), arpgConfigSchema]),
  dtype: z.enum(["float16", "float32"]),
});

const settings = z.strictObject({
  seed: seedSchema,
  memory_gib: positive,
  model: modelSchema,
  tokenizer: z.strictObject({ weights: z.string(), sizes: z.union([z.literal("VQ-16"), vqConfigSchema]) }),
  clip_sizes: z.union([z.enum(clipNames), clipConfigSchema]),
  classes: z.array(z.int().min(0)).min(1).nullable(),
  policy: policySizesSchema,
  train: trainedSchema,
  training: policyTrainingSchema.extend({ evaluate_samples: pictures }),
  generator: generatorTrainingSchema,
  reward: rewardConfigSchema,
  held_out_clip: z.string().nullable(),
  comparison: z.strictObject({ samples: pictures, seed: seedSchema, npz: z.boolean() }),
  checkpoint_seconds: positive,
});

const policySettings = settings.extend({ job: z.literal("imagenet_policy") });
const arGrpoSettings = settings.extend({
  job: z.literal("imagenet_ar_grpo"),
  model: modelSchema.extend({
    sizes: z.union([z.enum([...arpgNames, ...llamaGenNames]), arpgConfigSchema, llamaGenConfigSchema]),
  }),
});

/** The resolved settings of either job. */
export type ImagenetConfig = z.output<typeof policySettings> | z.output<typeof arGrpoSettings>;

/** The settings of `configs/imagenet_policy.yaml`, where each is explained. */
export const imagenetPolicySchema = policySettings.superRefine(checkImagenet);

/** The settings of `configs/imagenet_ar_grpo.yaml`: those of the policy's job, with other values; or a LlamaGen. */
export const imagenetArGrpoSchema = arGrpoSettings.superRefine(checkImagenet).superRefine(checkLlamaGen);
