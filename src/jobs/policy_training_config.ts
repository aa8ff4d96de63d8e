/** The parts of a config that training a decoding policy goes by, whatever the generator paints. */
import { z } from "zod";
import { decodingPolicySchema } from "../policy/decoding_policy_config.ts";
import { rewardConfigSchema } from "../rewards/reward_config.ts";

const positive = z.number().positive();
const count = z.int().min(1);
const share = z.number().min(0).max(1);

/** u32, of random numbers. */
export const seedSchema = z.int().min(0).max(0xffffffff);

/** Sizes and first state of the policy. */
export const policySizesSchema = decodingPolicySchema.pick({
  state: true,
  network: true,
  hidden_dim: true,
  layers: true,
  repulsion: true,
  prior: true,
}).extend({ max_parallel: count.nullable() });

/** What is trained. */
export const trainedSchema = z.enum(["policy", "generator", "both"]);

/** Policy optimisation, see `DecodingGrpo`. */
export const policyTrainingSchema = z.strictObject({
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
});

/** Policy optimisation of the generator itself, see `GeneratorGrpo`. */
export const generatorTrainingSchema = z.strictObject({
  learning_rate: positive,
  ema_decay: z.number().min(0).lt(1),
  kl: z.enum(["exact", "k2", "k3"]),
  beta: z.number().min(0),
  parts: count,
});

/** Refuses numbers of parts that do not divide what they are parts of. */
export function checkDivisions(
  { train, training, generator }: Pick<PolicyTrainingConfig, "train" | "training" | "generator">,
  context: z.RefinementCtx,
): void {
  const { batch_size, group_size, minibatches } = training, paintings = batch_size * group_size;
  const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
  if (batch_size % minibatches) {
    refuse(["training", "minibatches"], `expected a number that divides batch_size, ${batch_size}`);
  }
  if (train !== "policy" && paintings % generator.parts) {
    refuse(["generator", "parts"], `expected a number that divides batch_size times group_size, ${paintings}`);
  }
}

/** What every job's settings hold that trains a decoding policy. */
export interface PolicyTrainingConfig {
  readonly seed: number;
  readonly policy: z.output<typeof policySizesSchema>;
  readonly train: z.output<typeof trainedSchema>;
  readonly training: z.output<typeof policyTrainingSchema>;
  readonly generator: z.output<typeof generatorTrainingSchema>;
  readonly reward: z.output<typeof rewardConfigSchema>;
}
