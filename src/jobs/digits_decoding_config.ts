import { z } from "zod";
import { decodeOrders } from "../models/decode_order.ts";
import { decodeSchedules } from "../models/decode_schedule.ts";
import { digitsSourceSchema } from "./digits_data.ts";

const positive = z.number().positive();
const count = z.int().min(1);

/** A part of the table: every combination of its lists. */
const slice = z.strictObject({
  schedules: z.array(z.enum(decodeSchedules)).min(1),
  orders: z.array(z.enum(decodeOrders)).min(1),
  steps: z.array(count).min(1),
  guidance: z.array(z.number().min(0)).min(1),
});

/** The settings of `configs/digits_decoding.yaml`, where each is explained. */
export const digitsDecodingSchema = z.strictObject({
  job: z.literal("digits_decoding"),
  seed: z.int().min(0).max(0xffffffff),
  memory_gib: positive,
  data: digitsSourceSchema,
  model: z.string(),
  tokenizer: z.string(),
  judge: z.string(),
  dtype: z.enum(["float32", "float16"]),
  samples: z.int().min(100).multipleOf(10),
  temperature: z.number().min(0),
  slices: z.array(slice).min(1),
  inpainting: z.strictObject({
    digits: z.int().min(0),
    steps: count,
    guidance: z.number().min(0),
  }),
});

/** The resolved settings of the job. */
export type DigitsDecodingConfig = z.output<typeof digitsDecodingSchema>;
