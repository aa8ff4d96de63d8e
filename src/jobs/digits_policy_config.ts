import { z } from "zod";
import { rewardConfigSchema } from "../rewards/reward_config.ts";
import { digitsSourceSchema } from "./digits_data.ts";
import { policyEvaluationSchema } from "./policy_evaluation_config.ts";
import {
  checkDivisions,
  generatorTrainingSchema,
  policySizesSchema,
  policyTrainingSchema,
  seedSchema,
  trainedSchema,
} from "./policy_training_config.ts";

const positive = z.number().positive();
const pictures = z.int().min(100).multipleOf(10);

/** The settings of `configs/digits_policy.yaml`, where each is explained. */
export const digitsPolicySchema = z.strictObject({
  job: z.literal("digits_policy"),
  seed: seedSchema,
  memory_gib: positive,
  data: digitsSourceSchema,
  model: z.string(),
  tokenizer: z.string(),
  judges: z.strictObject({ reward: z.string(), held_out: z.string() }),
  policy: policySizesSchema,
  train: trainedSchema,
  training: policyTrainingSchema.extend({ evaluate_samples: pictures }),
  generator: generatorTrainingSchema,
  reward: rewardConfigSchema,
  comparison: z.strictObject({ samples: pictures, seed: seedSchema }),
  evaluation: policyEvaluationSchema,
  checkpoint_seconds: positive,
}).superRefine(checkDivisions);

/** The resolved settings of the job. */
export type DigitsPolicyConfig = z.output<typeof digitsPolicySchema>;
