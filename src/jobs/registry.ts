import { z } from "zod";
import { digitsArGrpoJob } from "./digits_ar_grpo.ts";
import { digitsArpgJob } from "./digits_arpg.ts";
import { digitsClipJob } from "./digits_clip.ts";
import { digitsDecodingJob } from "./digits_decoding.ts";
import { digitsJudgesJob } from "./judges_job.ts";
import { digitsPolicyJob } from "./digits_policy.ts";
import { digitsTokenizerJob } from "./digits_tokenizer.ts";
import { imagenetArGrpoJob } from "./imagenet_ar_grpo.ts";
import { imagenetPolicyJob } from "./imagenet_policy.ts";
import type { Job, JobConfig } from "./job.ts";

/** Every job, by the name that configs give as `job`. */
const jobs = {
  digits_ar_grpo: digitsArGrpoJob,
  digits_arpg: digitsArpgJob,
  digits_clip: digitsClipJob,
  digits_decoding: digitsDecodingJob,
  digits_judges: digitsJudgesJob,
  digits_policy: digitsPolicyJob,
  digits_tokenizer: digitsTokenizerJob,
  imagenet_ar_grpo: imagenetArGrpoJob,
  imagenet_policy: imagenetPolicyJob,
} as const;

/** The settings of any job. */
export const anyJobSchema: z.ZodType<JobConfig> = z.discriminatedUnion("job", [
  digitsArGrpoJob.schema,
  digitsArpgJob.schema,
  digitsClipJob.schema,
  digitsDecodingJob.schema,
  digitsJudgesJob.schema,
  digitsPolicyJob.schema,
  digitsTokenizerJob.schema,
  imagenetArGrpoJob.schema,
  imagenetPolicyJob.schema,
]);

/** The job that a config names. */
export function jobOf({ job }: JobConfig): Job {
  return jobs[job as keyof typeof jobs] as unknown as Job;
}
