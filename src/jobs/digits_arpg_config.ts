import { z } from "zod";
import { arpgConfigSchema } from "../models/arpg_config.ts";
import { digitsSourceSchema } from "./digits_data.ts";

const rate = z.number().min(0).lt(1);
const positive = z.number().positive();
const scales = z.array(z.number().min(0));
const count = z.int().min(1);

/** The settings of `configs/digits_arpg.yaml`, where each is explained. */
export const digitsArpgSchema = z.strictObject({
  job: z.literal("digits_arpg"),
  seed: z.int().min(0).max(0xffffffff),
  memory_gib: positive,
  data: digitsSourceSchema,
  tokenizer: z.string(),
  augmentation: z.strictObject({ variants: count, pixels: z.int().min(0), until: z.number().min(0).max(1) }),
  model: arpgConfigSchema.pick({ dim: true, layers: true, heads: true, multiple_of: true, position: true }),
  train: z.strictObject({
    initial: z.string().nullable(),
    steps: count,
    batch_size: count,
    optimizer: z.enum(["adamw", "muon"]),
    learning_rate: positive,
    warmup_steps: z.int().min(0),
    weight_decay: z.number().min(0),
    max_grad_norm: positive,
    ema_decay: rate,
    class_dropout: rate,
    dropout: z.strictObject({ token: rate, residual: rate, ffn: rate }),
    evaluate_every: count,
  }),
  evaluation: z.strictObject({
    judge: z.string(),
    samples: z.int().min(100).multipleOf(10),
    steps: count,
    guidance: z.strictObject({ constant: scales.min(1), linear: scales }),
    seed: z.int().min(0).max(0xffffffff),
  }),
  checkpoint_seconds: positive,
});

/** The resolved settings of the job. */
export type DigitsArpgConfig = z.output<typeof digitsArpgSchema>;
