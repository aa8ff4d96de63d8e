import { z } from "zod";
import { vqConfigSchema } from "../models/vq_config.ts";
import { digitsSourceSchema } from "./digits_data.ts";

const positive = z.number().positive();
const atLeastZero = z.number().min(0);
const count = z.int().min(1);

/** The settings of `configs/digits_tokenizer.yaml`, where each is explained. */
export const digitsTokenizerSchema = z.strictObject({
  job: z.literal("digits_tokenizer"),
  seed: z.int().min(0).max(0xffffffff),
  memory_gib: positive,
  data: digitsSourceSchema.extend({ shift: z.int().min(0) }),
  tokenizer: z.strictObject(vqConfigSchema.omit({ image_channels: true }).shape),
  training: z.strictObject({
    steps: count,
    batch_size: count,
    learning_rate: positive,
    warmup_steps: z.int().min(0),
    weight_decay: atLeastZero,
    max_grad_norm: positive,
    ema_decay: z.number().min(0).lt(1),
    reconstruction: z.enum(["l1", "mse"]),
    codebook_weight: positive,
    commitment_weight: atLeastZero,
    perceptual: z.strictObject({ judge: z.string(), weight: positive }).nullable(),
    revive_after: count,
    revive_until: z.int().min(0),
    evaluate_every: count,
  }),
  evaluation: z.strictObject({ judge: z.string().nullable() }),
  checkpoint_seconds: positive,
});

/** The resolved settings of the job. */
export type DigitsTokenizerConfig = z.output<typeof digitsTokenizerSchema>;
