import { z } from "zod";
import { promptTemplateSchema } from "../rewards/prompt_template.ts";
import { digitsSourceSchema } from "./digits_data.ts";

const positive = z.number().positive();
const atLeastZero = z.number().min(0);
const count = z.int().min(1);

const tower = {
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
};
const headsFit = ({ hidden_size, num_attention_heads }: z.output<z.ZodObject<typeof tower>>) =>
  hidden_size % num_attention_heads === 0;
const wanted = { path: ["num_attention_heads"], error: "expected a number that divides hidden_size" };

/** The settings of `configs/digits_clip.yaml`, where each is explained. */
export const digitsClipSchema = z.strictObject({
  job: z.literal("digits_clip"),
  seed: z.int().min(0).max(0xffffffff),
  memory_gib: positive,
  data: digitsSourceSchema.extend({ shift: z.int().min(0) }),
  names: z.string(),
  templates: z.array(promptTemplateSchema).min(1),
  clip: z.strictObject({
    projection_dim: count,
    hidden_act: z.enum(["quick_gelu", "gelu"]),
    text: z.strictObject(tower).refine(headsFit, wanted),
    vision: z.strictObject({ ...tower, patch_size: count }).refine(headsFit, wanted),
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
  evaluation: z.strictObject({ template: promptTemplateSchema }),
  checkpoint_seconds: positive,
});

/** The resolved settings of the job. */
export type DigitsClipConfig = z.output<typeof digitsClipSchema>;
