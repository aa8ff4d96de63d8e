import { z } from "zod";
import { digitsSourceSchema } from "./digits_data.ts";

const positive = z.number().positive();
const amount = z.number().min(0).max(1);
const count = z.int().min(1);

const judge = z.strictObject({
  architecture: z.enum(["pooled", "strided"]),
  epochs: count,
  learning_rate: positive,
});

/** The settings of `configs/digits_judges.yaml`, where each is explained. */
export const digitsJudgesSchema = z.strictObject({
  job: z.literal("digits_judges"),
  seed: z.int().min(0).max(0xfffffffe),
  memory_gib: positive,
  data: digitsSourceSchema,
  augmentation: z.strictObject({ share: amount, rotation: amount, scale: amount, shear: amount, shift: amount }),
  a: judge,
  b: judge,
});

/** The resolved settings of the job. */
export type DigitsJudgesConfig = z.output<typeof digitsJudgesSchema>;
