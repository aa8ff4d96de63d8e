import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../error.ts";
import { readBytes } from "../io/file_error.ts";
import { fromJson } from "../io/json.ts";
import type { MetricsRecord } from "../io/metrics_log.ts";
import { printable } from "../io/quoted.ts";
import type { RunDirectory } from "../io/run_directory.ts";

/** Any number: what could not be measured is NaN, which zod's own refuses. */
const numeric = z.custom<number>((value) => typeof value === "number", { error: "expected a number" });
const count = z.int().nonnegative();

const estimateSchema = z.object({
  value: numeric,
  /** Ends of the 95 % bootstrap interval. */
  low: numeric,
  high: numeric,
});

const methodSchema = z.object({
  name: z.string(),
  /** `arpg` is ARPG's own rule, arccos counts in random order; `hand` any other made by hand. */
  family: z.enum(["policy", "arpg", "hand"]),
  schedule: z.string().nullable(),
  order: z.string().nullable(),
  /** How a policy decides; null for what is no policy. */
  mode: z.enum(["sampled", "greedy"]).nullable(),
  target_steps: numeric,
  guidance: numeric,
  temperature: numeric,
  mean_steps: numeric,
  /** Measured, per picture. */
  milliseconds: numeric,
  /** Share of pictures that the judge reads as the wanted class. */
  accuracy: estimateSchema,
  frechet: estimateSchema,
  /** Both by themselves for each of the evaluation's seeds. */
  by_seed: z.object({ accuracy: z.array(numeric), frechet: z.array(numeric) }).optional(),
  kid: numeric,
  inception_score: numeric,
  precision: numeric,
  recall: numeric,
  /** Relative to real pictures. */
  diversity: numeric,
});

const decisionsSchema = z.object({
  /** `[D]`, the degrees that a policy chooses from: cells of a step. */
  degrees: z.array(numeric).min(1),
  /** `[T, D]`: how often each was chosen at each step. */
  histogram: z.array(z.array(count)).min(1),
  /** `[N]`, row by row: share of the painting that is done when a cell is painted, on average; 0 first, 1 last. */
  painted_at: z.array(numeric).min(1),
  /** Cells in a row. */
  width: z.int().positive(),
  /** The target steps of the paintings; left out where they are of several. */
  target_steps: count.optional(),
}).refine(({ degrees, histogram }) => histogram.every(({ length }) => length === degrees.length), {
  path: ["histogram"],
  error: "expected a count for every degree in each step",
}).refine(({ painted_at, width }) => painted_at.length % width === 0, {
  path: ["painted_at"],
  error: "expected whole rows",
});

/** Few pictures of a method: figures that compare with others of their list only. */
const briefSchema = z.object({
  name: z.string(),
  mode: z.enum(["sampled", "greedy"]).nullable(),
  target_steps: numeric,
  guidance: numeric,
  temperature: numeric,
  accuracy: numeric,
  frechet: numeric,
});

/** What the best of several orders for each picture, by the reward, is worth to the judge that no reward has seen. */
const headroomSchema = z.object({
  steps: numeric,
  /** Orders tried for each picture; 1 is ARPG's own rule. */
  candidates: count,
  /** Pictures: far fewer than those of the methods. */
  samples: count,
  /** Mean reward. */
  reward: numeric,
  accuracy: numeric,
  frechet: numeric,
});

const evaluationSchema = z.object({
  adapter: z.string(),
  commit: z.string().nullable(),
  date: z.string(),
  seeds: z.array(z.int()),
  /** Pictures of each method. */
  samples: count,
  /** The judge's file. */
  judge: z.string(),
  /** The same measures of held-out real pictures. */
  held_out: z.object({ accuracy: numeric, frechet: numeric }),
  methods: z.array(methodSchema),
  /** What the policy decided; null where it was not looked at. */
  decisions: decisionsSchema.nullable(),
  /** Every guidance and temperature that was tried for each method, with `tuning_samples` pictures. */
  tuning: z.array(briefSchema).optional(),
  /** Every hand-made rule, with `tuning_samples` pictures at the guidance and temperature of ARPG's own. */
  screening: z.array(briefSchema).optional(),
  tuning_samples: count.optional(),
  headroom: z.array(headroomSchema).optional(),
});

/** A measured value with its 95 % bootstrap interval. */
export type Estimate = z.output<typeof estimateSchema>;
/** A way to decode, and what its pictures are worth. */
export type MethodScore = z.output<typeof methodSchema>;
/** What few pictures of a method said. */
export type BriefMethodScore = z.output<typeof briefSchema>;
/** What a search over orders by the reward finds. */
export type Headroom = z.output<typeof headroomSchema>;
/** How many cells a policy painted at each step, and which ones first. */
export type PolicyDecisions = z.output<typeof decisionsSchema>;
/** What eval.json of a decoding policy's run holds: the policy and the rules made by hand, under one judge. */
export type PolicyEvaluation = z.output<typeof evaluationSchema>;

/**
 * The evaluation of a decoding policy in a run's eval.json; null where there is no such file or it has no `methods`, as
 * those of other jobs.
 *
 * @throws {UserError} where it is no JSON, or its methods are not of this form.
 */
export async function readEvaluation(run: RunDirectory): Promise<PolicyEvaluation | null> {
  const path = evaluationPath(run);
  const bytes = await ifThere(() => readBytes(path));
  return bytes && parseEvaluation(new TextDecoder().decode(bytes), path);
}

/** The file of a run's evaluation. */
export function evaluationPath(run: RunDirectory): string {
  return join(run.path, "eval.json");
}

/** {@link readEvaluation} of a text; `path` is for messages. */
export function parseEvaluation(text: string, path: string): PolicyEvaluation | null {
  let value: unknown;
  try {
    value = fromJson(text);
  } catch (cause) {
    throw new UserError(`Cannot read ${path}: it is not JSON; evaluate the run again`, { cause });
  }
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "methods")) return null;
  const { success, data, error } = evaluationSchema.safeParse(value);
  if (success) return data;
  const [{ path: keys, message }] = error.issues as [z.core.$ZodIssue];
  const place = keys.map((key) => printable(String(key))).join(".");
  throw new UserError(`Cannot read ${path}: ${place}: ${message}; evaluate the run again`);
}

/** What `read` gives; null where the file that it reads is not there. */
export async function ifThere<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError && error.cause instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** How far a record of metrics.jsonl is, by whichever of `step`, `updates` and `epoch` it has. */
export function stepOf(record: MetricsRecord): number | undefined {
  return [record.step, record.updates, record.epoch].find((value) =>
    Number.isSafeInteger(value) && Number(value) >= 0
  ) as
    | number
    | undefined;
}
