import { z } from "zod";
import { digitsSourceSchema } from "./digits_data.ts";

const share = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.int().min(1);
const digit = z.int().min(0).max(9);

/** Maximum likelihood, see `MaximumLikelihood`. */
const pretrain = z.strictObject({
  epochs: count,
  batch_size: count,
  learning_rate: positive,
  warmup_steps: z.int().min(0),
  weight_decay: z.number().min(0),
  max_grad_norm: positive,
  ema_decay: z.number().min(0).lt(1),
});

/** Policy optimisation, see `ArGrpo`. */
const grpo = z.strictObject({
  updates: count,
  groups: count,
  group_size: z.int().min(2),
  inner_epochs: count,
  learning_rate: positive,
  warmup_updates: z.int().min(0),
  max_grad_norm: positive,
  ema_decay: z.number().min(0).lt(1),
  advantage: z.enum(["mean", "mean_std", "rloo", "batch"]),
  normalisation: z.enum(["sequence_mean", "token_mean", "constant_length"]),
  clip_low: share,
  clip_high: positive,
  delta: z.number().gt(1),
  kl: z.enum(["exact", "k2", "k3"]),
  beta: z.number().min(0),
  likelihood_weight: z.number().min(0),
  likelihood_batch: count,
  temperature: positive,
  /** Held-out judge and Frechet distance every so many updates. */
  evaluate_every: count,
  evaluate_samples: z.int().min(100).multipleOf(10),
});

/** The settings of `configs/digits_ar_grpo.yaml`, where each is explained. */
export const digitsArGrpoSchema = z.strictObject({
  job: z.literal("digits_ar_grpo"),
  seed: z.int().min(0).max(0xffffffff),
  memory_gib: positive,
  data: digitsSourceSchema,
  target: digit.nullable(),
  from_scratch: z.boolean(),
  judges: z.strictObject({ a_epochs: count, b_epochs: count }),
  generator: z.strictObject({
    levels: z.int().min(2).max(256),
    hidden: count,
    layers: count,
    input: z.enum(["plain", "contextual"]),
  }),
  pretrain,
  grpo,
  reward: z.strictObject({
    classifier: z.strictObject({ weight: positive, form: z.enum(["probability", "log_probability"]) }),
  }),
  scratch: z.strictObject({ updates: z.int().min(0), group_size: z.int().min(2), learning_rate: positive }),
  evaluation: z.strictObject({ samples: z.int().min(100).multipleOf(10), seed: z.int().min(0) }),
  checkpoint_seconds: positive,
});

/** The resolved settings of the job. */
export type DigitsArGrpoConfig = z.output<typeof digitsArGrpoSchema>;
