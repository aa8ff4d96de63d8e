import { z } from "zod";
import { decodingPolicySchema } from "../policy/decoding_policy_config.ts";
import { rewardConfigSchema } from "../rewards/reward_config.ts";
import { digitsSourceSchema } from "./digits_data.ts";
import { policyEvaluationSchema } from "./policy_evaluation_config.ts";

const positive = z.number().positive();
const count = z.int().min(1);
const share = z.number().min(0).max(1);
const seed = z.int().min(0).max(0xffffffff);

/** Policy optimisation, see `DecodingGrpo`. */
const training = z.strictObject({
  num_epochs: count,
  batches_per_epoch: count,
  batch_size: count,
  group_size: z.int().min(2),
  inner_epochs: count,
  minibatches: count,
  learning_rate: positive,
  warmup_updates: z.int().min(0),
  max_grad_norm: positive,
  ema_decay: z.number().min(0).lt(1),
  advantage: z.enum(["mean", "mean_std", "rloo", "batch"]),
  normalisation: z.enum(["sequence_mean", "token_mean", "constant_length"]),
  ratio: z.enum(["decision", "joint"]),
  clip_epsilon: share,
  clip_epsilon_high: positive,
  delta: z.number().gt(1),
  kl_coef: z.number().min(0),
  entropy_coef: z.number().min(0),
  common_noise: z.boolean(),
  temperature: positive,
  cfg_scale: z.number().min(0),
  target_steps: z.array(count).min(1),
  max_steps: count.nullable(),
  evaluate_every: count,
  evaluate_samples: z.int().min(100).multipleOf(10),
});

/** Policy optimisation of the generator itself, see `GeneratorGrpo`. */
const generator = z.strictObject({
  learning_rate: positive,
  ema_decay: z.number().min(0).lt(1),
  kl: z.enum(["exact", "k2", "k3"]),
  beta: z.number().min(0),
  parts: count,
});

/** The settings of `configs/digits_policy.yaml`, where each is explained. */
export const digitsPolicySchema = z.strictObject({
  job: z.literal("digits_policy"),
  seed,
  memory_gib: positive,
  data: digitsSourceSchema,
  model: z.string(),
  tokenizer: z.string(),
  judges: z.strictObject({ reward: z.string(), held_out: z.string() }),
  policy: decodingPolicySchema.pick({
    state: true,
    network: true,
    hidden_dim: true,
    layers: true,
    repulsion: true,
    prior: true,
  }).extend({ max_parallel: count.nullable() }),
  train: z.enum(["policy", "generator", "both"]),
  training,
  generator,
  reward: rewardConfigSchema,
  comparison: z.strictObject({ samples: z.int().min(100).multipleOf(10), seed }),
  evaluation: policyEvaluationSchema,
  checkpoint_seconds: positive,
});

/** The resolved settings of the job. */
export type DigitsPolicyConfig = z.output<typeof digitsPolicySchema>;
