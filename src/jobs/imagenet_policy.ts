import { join } from "node:path";
import type { ArpgPainter } from "../eval/arpg_painter.ts";
import { policyMethod } from "../eval/decoding_method.ts";
import { middleTarget } from "../eval/target_comparison.ts";
import type { JsonValue } from "../io/json.ts";
import { readMetrics } from "../io/metrics_log.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { readSafetensors } from "../io/safetensors.ts";
import { pixelsBatch } from "../eval/painting_batch.ts";
import { loadArpg } from "../models/load_arpg.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { writeReport } from "../report/policy_report.ts";
import type { Device } from "../tensor/device.ts";
import { comparePolicyWithRule, type ImagenetScore } from "./imagenet_comparison.ts";
import { type ImagenetConfig, imagenetPolicySchema } from "./imagenet_config.ts";
import { requireFiles } from "./imagenet_files.ts";
import { classesOf, ImagenetInspector, type LookPainter, measuresOf } from "./imagenet_inspector.ts";
import { shareOfBatch } from "./imagenet_memory.ts";
import { MemoryWatch, spentLines } from "./imagenet_memory_watch.ts";
import { arpgOf, loadImagenetGenerator, openImagenetPainter, vqOf } from "./imagenet_models.ts";
import { classNamesOf, heldOutClip, imagenetRewards } from "./imagenet_rewards.ts";
import type { PictureMeasure } from "./imagenet_scores.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { PhaseRunner } from "./phases.ts";
import { policyPath } from "./policy_evaluation_config.ts";
import { loadPolicy } from "./policy_file.ts";
import { type PolicyTraining, samplingOf } from "./policy_setup.ts";
import { generatorFile, trainPolicy } from "./policy_trainer.ts";

const phases = ["grpo", "evaluate"] as const;

/** What the phases of the job share. */
export interface ImagenetRun extends PolicyTraining {
  readonly config: ImagenetConfig;
  /** The rewards that look at pictures, and the judge that is in none. */
  readonly measures: readonly PictureMeasure[];
}

/** The job `imagenet_policy`. */
export const imagenetPolicyJob = defineJob(imagenetPolicySchema, runImagenet, requireFiles);

/**
 * Trains a decoding policy for a published ARPG of ImageNet by GRPO, the generator itself, or both, and compares what
 * comes of it with ARPG's own rule from the same noise: by the rewards' own measures and by a CLIP that is in no reward.
 * Weights named `random` make a dry run: nothing is learnt, but every size is true.
 *
 * @returns the comparison, time and memory, and the path of the report.
 * @throws {UserError} for files that are missing or of other models.
 */
export async function runImagenet(
  device: Device,
  config: ImagenetConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  const classNames = await classNamesOf(config);
  const watch = new MemoryWatch(device);
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: config.checkpoint_seconds });
  const bytes = config.memory_gib * 2 ** 30 * shareOfBatch;
  using painter = await openImagenetPainter(device, config, bytes);
  watch.measure();
  const rewards = await imagenetRewards(device, config, classNames);
  const judge = await heldOutClip(device, config, classNames);
  const { cells, classes: all } = arpgOf(config);
  const { limits } = device.gpu.adapter.device;
  const job: ImagenetRun = {
    ...{ device, config, run, runner, painter },
    measures: measuresOf(rewards, judge),
    loadGenerator: () => loadImagenetGenerator(device, config),
    classes: classesOf(config, all),
    classNames,
    pixelsTogether: pixelsBatch(vqOf(config), Math.sqrt(cells), { bytes, limits }),
  };
  if (!runner.isDone("grpo", phases)) {
    await trainPolicy(job, {
      rewards: () => Promise.resolve(rewards),
      inspect: (policy) => Promise.resolve(new ImagenetInspector(job, policyLooks(job, policy))),
      measured: () => watch.measure(),
    });
  }
  await runner.begin("evaluate");
  using published = config.train === "policy" ? null : await openImagenetPainter(device, config, bytes);
  if (published) await repaint(painter, run);
  const policy = await loadPolicy(device, policyPath(run));
  const methods = await comparePolicyWithRule(job, policy, published ?? painter);
  const { samples } = config.comparison;
  await run.writeJson("eval.json", { samples, comparison: methods.map((method): JsonValue => ({ ...method })) });
  const spent = spentLines(await readMetrics(join(run.path, "metrics.jsonl")), config.memory_gib, watch.measure());
  return [...comparisonTable(methods), ...spent, `Report: ${await writeReport(run)}`].join("\n");
}

/** Gives a painter the generator that the run has trained, whether in this process or before it was resumed. */
async function repaint({ model }: ArpgPainter, run: RunDirectory): Promise<void> {
  const path = join(run.checkpoints, generatorFile);
  const trained = loadArpg(model.device, await readSafetensors(path), path);
  model.refresh(trained);
  for (const tensor of trained.parameters().values()) tensor.dispose();
}

/** At a look a policy paints at the middle target. */
function policyLooks({ config, painter }: ImagenetRun, policy: DecodingPolicy): LookPainter {
  const steps = middleTarget(config.training.target_steps);
  const settings = (seed: number) => policyMethod(policy, steps, "sampled").settings(samplingOf(config), seed);
  const paint = async (labels: Int32Array, seed: number) => (await painter.paint(labels, settings(seed))).images;
  return { learner: "policy", steps, paint };
}

/** A line a method and target: its scores, and what was gained on ARPG's rule or the published weights. */
export function comparisonTable(methods: readonly ImagenetScore[]): string[] {
  const names = Object.keys(methods[0]?.scores ?? {});
  const row = (cells: readonly string[]) => cells.map((cell, i) => i ? cell.padStart(24) : cell.padEnd(20)).join("");
  const shown = ({ scores, above_arpg, above_published }: ImagenetScore, name: string) => {
    const gain = (above_arpg ?? above_published)?.[name];
    const own = scores[name]!.value.toFixed(4);
    return gain ? `${own} (${gain.value >= 0 ? "+" : ""}${gain.value.toFixed(4)})` : own;
  };
  return [
    row(["method", "steps", "ms a picture", ...names]),
    ...methods.map((method) =>
      row([
        `${method.name}, ${method.target_steps} steps`,
        method.mean_steps.toFixed(1),
        method.milliseconds.toFixed(0),
        ...names.map((name) => shown(method, name)),
      ])
    ),
  ];
}
