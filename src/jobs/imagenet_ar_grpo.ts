import { join } from "node:path";
import { LlamaGenPictures } from "../eval/llamagen_pictures.ts";
import { pixelsBatch } from "../eval/painting_batch.ts";
import type { JsonValue } from "../io/json.ts";
import { readMetrics } from "../io/metrics_log.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { LlamaGenPainter } from "../models/llamagen_painter.ts";
import { writeReport } from "../report/policy_report.ts";
import type { Device } from "../tensor/device.ts";
import { compareWithPublished } from "./imagenet_ar_grpo_comparison.ts";
import { trainLlamaGen } from "./imagenet_ar_grpo_training.ts";
import { imagenetArGrpoSchema, type ImagenetConfig } from "./imagenet_config.ts";
import { requireFiles } from "./imagenet_files.ts";
import { classesOf, type InspectedRun, measuresOf } from "./imagenet_inspector.ts";
import { shareOfBatch } from "./imagenet_memory.ts";
import { MemoryWatch, spentLines } from "./imagenet_memory_watch.ts";
import { llamaGenOf, loadImagenetLlamaGen, openImagenetTokenizer } from "./imagenet_models.ts";
import { comparisonTable, runImagenet } from "./imagenet_policy.ts";
import { classNamesOf, heldOutClip, imagenetRewards } from "./imagenet_rewards.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { PhaseRunner } from "./phases.ts";

const phases = ["grpo", "evaluate"] as const;

/** What the phases of a LlamaGen's run share. */
export interface LlamaGenRun extends InspectedRun {
  readonly runner: PhaseRunner;
  /** Of the model that is trained. */
  readonly pictures: LlamaGenPictures;
  /** Names of all classes, for rewards that read. */
  readonly classNames: readonly string[];
  /** Pictures decoded from their tokens together. */
  readonly together: number;
}

/** The job `imagenet_ar_grpo`: an ARPG goes the way of `imagenet_policy` with the generator trained, a LlamaGen its own. */
export const imagenetArGrpoJob = defineJob(
  imagenetArGrpoSchema,
  (device, config, run, options) => (llamaGenOf(config) ? runLlamaGen : runImagenet)(device, config, run, options),
  requireFiles,
);

/**
 * Fine-tunes a published LlamaGen by GRPO on its own paintings (AR-GRPO, arXiv 2508.06924), and compares what comes of it
 * with the published weights from the same noise: by the rewards' own measures and by a CLIP that is in no reward.
 *
 * @returns the comparison, time and memory, and the path of the report.
 * @throws {UserError} for files that are missing or of other models.
 */
export async function runLlamaGen(
  device: Device,
  config: ImagenetConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  const classNames = await classNamesOf(config);
  const watch = new MemoryWatch(device);
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: config.checkpoint_seconds });
  const { training, comparison, seed } = config;
  const tokenizer = await openImagenetTokenizer(device, config);
  const model = await loadImagenetLlamaGen(device, config), { cells, classes: all } = model.config;
  const { cfg_scale: guidance, temperature, batch_size, group_size } = training;
  const key = { seed, stream: 0, purpose: 0 };
  using painter = new LlamaGenPainter(model, batch_size * group_size, { guidance, temperature, key });
  const { limits } = device.gpu.adapter.device;
  const bytes = config.memory_gib * 2 ** 30 * shareOfBatch;
  const together = pixelsBatch(tokenizer.config, Math.sqrt(cells), { bytes, limits });
  watch.measure();
  const rewards = await imagenetRewards(device, config, classNames);
  const judge = await heldOutClip(device, config, classNames);
  const job: LlamaGenRun = {
    ...{ device, config, run, runner, classNames, together },
    pictures: new LlamaGenPictures(painter, tokenizer, together),
    measures: measuresOf(rewards, judge),
    classes: classesOf(config, all),
  };
  if (!runner.isDone("grpo", phases)) await trainLlamaGen(job, rewards, () => watch.measure());
  await runner.begin("evaluate");
  const methods = await compareWithPublished(job);
  const { samples } = comparison;
  await run.writeJson("eval.json", { samples, comparison: methods.map((method): JsonValue => ({ ...method })) });
  const spent = spentLines(await readMetrics(join(run.path, "metrics.jsonl")), config.memory_gib, watch.measure());
  return [...comparisonTable(methods), ...spent, `Report: ${await writeReport(run)}`].join("\n");
}
