import { z } from "zod";
import { promptTemplateSchema } from "./prompt_template.ts";

const weight = z.number().positive();

/** How the rewards of a job are spelt in its config: a part that is left out, or null, is no part of the reward. */
export const rewardConfigSchema = z.strictObject({
  combine: z.enum(["sum", "product"]),
  classifier: z.strictObject({ weight, form: z.enum(["probability", "log_probability"]) }).nullish(),
  quality: z.strictObject({ weight, form: z.enum(["calibrated", "classic"]) }).nullish(),
  realism: z.strictObject({ weight, form: z.enum(["moments", "discriminator"]) }).nullish(),
  fidelity: z.strictObject({ weight }).nullish(),
  clip: z.strictObject({
    weight,
    form: z.enum(["cosine", "softmax"]),
    folder: z.string(),
    templates: z.array(promptTemplateSchema).min(1).default(["a photo of a {name}"]),
    names: z.string().nullish(),
  }).nullish(),
  aesthetic: z.strictObject({ weight, folder: z.string(), file: z.string() }).nullish(),
  module: z.strictObject({ path: z.string(), weight }).nullish(),
  efficiency: z.discriminatedUnion("form", [
    z.strictObject({ form: z.literal("additive"), weight }),
    z.strictObject({ form: z.literal("multiplicative"), alpha: z.number().positive() }),
    z.strictObject({ form: z.literal("constraint"), slack: z.number().min(0).lt(1), rate: z.number().positive() }),
  ]).nullish(),
  cost: z.enum(["steps", "latency"]),
}).refine(
  ({ combine: _combine, cost: _cost, efficiency: _efficiency, ...parts }) => Object.values(parts).some(Boolean),
  {
    error: "expected at least one reward besides efficiency: classifier, quality, realism, fidelity, clip, aesthetic " +
      "or module",
  },
);

/** The rewards of a job. */
export type RewardConfig = z.output<typeof rewardConfigSchema>;
