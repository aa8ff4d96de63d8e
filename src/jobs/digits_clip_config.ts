import { z } from "zod";
import { digitsSourceSchema } from "./digits_data.ts";

const positive = z.number().positive();
const atLeastZero = z.number().min(0);
const count = z.int().min(1);

/** What stands for the name of a class in a template. */
export const namePlace = "{name}";

const template = z.string().includes(namePlace, `wanted a place for the name of a class, ${namePlace}`);

const tower = z.strictObject({
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
});

/** The settings of `configs/digits_clip.yaml`, where each is explained. */
export const digitsClipSchema = z.strictObject({
  job: z.literal("digits_clip"),
  seed: z.int().min(0).max(0xffffffff),
  memory_gib: positive,
  data: digitsSourceSchema.extend({ shift: z.int().min(0) }),
  names: z.string(),
  templates: z.array(template).min(1),
  clip: z.strictObject({
    projection_dim: count,
    hidden_act: z.enum(["quick_gelu", "gelu"]),
    text: tower,
    vision: tower.extend({ patch_size: count }),
  }),
  training: z.strictObject({
    steps: count,
    groups: count,
    learning_rate: positive,
    warmup_steps: z.int().min(0),
    weight_decay: atLeastZero,
    max_grad_norm: positive,
    ema_decay: z.number().min(0).lt(1),
    evaluate_every: count,
  }),
  evaluation: z.strictObject({ template }),
  checkpoint_seconds: positive,
});

/** The resolved settings of the job. */
export type DigitsClipConfig = z.output<typeof digitsClipSchema>;
