import type { Command } from "commander";
import { join } from "node:path";
import { loadConfig } from "../config/load_config.ts";
import { UserError } from "../error.ts";
import { imageMetricNames } from "../eval/image_metrics.ts";
import { picturesOf } from "../eval/policy_comparison.ts";
import { RunDirectory } from "../io/run_directory.ts";
import { loadFullDigits } from "../jobs/digits_data.ts";
import { loadJudge } from "../jobs/judge_file.ts";
import { openPainter } from "../jobs/open_painter.ts";
import { evaluatePolicy } from "../jobs/policy_evaluation.ts";
import {
  type PolicyEvaluationSettings,
  type PolicyRunConfig,
  policyRunSchema,
  quickSettings,
  trainedPolicyPath,
} from "../jobs/policy_evaluation_config.ts";
import { evaluationTable } from "../jobs/policy_evaluation_table.ts";
import { loadPolicy } from "../jobs/policy_file.ts";
import { searchReward } from "../jobs/search_reward.ts";
import { paretoSvg } from "../report/html_methods.ts";
import { writeReport } from "../report/policy_report.ts";
import { Progress } from "../report/progress.ts";
import { evaluationPath, type PolicyEvaluation } from "../report/run_record.ts";
import { Device } from "../tensor/device.ts";
import { currentCommit } from "./environment.ts";
import { evaluateMetrics } from "./eval_metrics.ts";
import { wholeNumber } from "./option_values.ts";
import { jobNameOf } from "./run_job_name.ts";
import { noteLine, printLine } from "./terminal.ts";
import { tunedTable } from "./tuning_file.ts";

interface EvalOptions {
  readonly run?: string;
  readonly metrics?: string;
  readonly reference?: string;
  readonly inception?: string;
  readonly json?: string;
  readonly samples?: string;
  readonly seeds?: string;
  readonly quick?: boolean;
}

/**
 * Declares `deno task eval`: compares a run's policy with rules made by hand, or pictures with a reference; the table goes
 * to `print`.
 */
export function evalCommand(program: Command, print: (text: string) => void = printLine): void {
  program
    .description(
      "With --run, compares the policy of a digits_policy run with ARPG's own rule and every hand-made schedule and " +
        "order: table, eval.json, plot, report. With --metrics, measures pictures: folders of .png files or .npz files.",
    )
    .argument("[SAMPLES...]", "with --metrics: pictures, or an .npz of features [N, D]; a column of the table each")
    .option("--run <dir>", "folder that train wrote; its eval.json and report.html are replaced")
    .option("--samples <n>", "pictures of each method and seed, a multiple of 10; default as in the run's config")
    .option("--seeds <list>", "seeds of the pictures, such as 1,2,3; default as in the run's config")
    .option("--quick", "a fast look: few pictures of one seed, at the training's guidance and temperature")
    .option("--metrics <list>", `what to measure: some of ${imageMetricNames.join(",")}`)
    .option("--reference <path>", "what to compare with: pictures, features, or an .npz of mu and sigma (for fid)")
    .option("--inception <file>", "weights of the FID's Inception, .pth or .safetensors; else the digits judge looks")
    .option("--json <file>", "writes the metrics to a file as well")
    .action(async (samples: string[], options: EvalOptions) => {
      requireOneUse(samples, options);
      const { run, metrics, reference, inception, json } = options;
      if (run === undefined) {
        return await evaluateMetrics({ metrics: metrics!, reference, inception, json, samples }, print);
      }
      await evaluateRun(run, options, print);
    });
}

/** The options that go with `--run`, and those that go with `--metrics`. */
const uses = { run: ["samples", "seeds", "quick"], metrics: ["reference", "inception", "json"] } as const;

/** @throws {UserError} for neither use, for both, and for options of the other one. */
function requireOneUse(samples: readonly string[], options: EvalOptions): void {
  const use = options.run === undefined ? "metrics" : "run", other = use === "run" ? "metrics" : "run";
  if (options[use] === undefined) {
    throw new UserError("Nothing to evaluate: name a run with --run, or metrics and pictures with --metrics");
  }
  const stray = [other, ...uses[other]].find((name) => options[name as keyof EvalOptions] !== undefined);
  if (stray) {
    throw new UserError(`Cannot use --${stray} with --${use}: it belongs to another evaluation; leave one out`);
  }
  if (use === "run" && samples.length > 0) {
    throw new UserError(`Cannot evaluate ${samples[0]} with --run: pictures are measured with --metrics`);
  }
}

async function evaluateRun(path: string, options: EvalOptions, print: (text: string) => void): Promise<void> {
  const run = await RunDirectory.open(path);
  const config = configOf(run);
  const settings = settingsOf(options, config);
  const evaluation = await evaluate(run, config, settings);
  await writePlot(run, evaluation);
  await run.writeJson("eval.json", { ...evaluation });
  const report = await writeReport(run);
  print(evaluationTable(evaluation));
  print(evaluationPath(run));
  print(`Report: ${report}`);
}

function configOf(run: RunDirectory): PolicyRunConfig {
  const job = jobNameOf(run);
  if (job !== "digits_policy") {
    throw new UserError(`Cannot evaluate ${run.path}: wanted a run of digits_policy, got one of ${job}`);
  }
  return loadConfig(run.config, policyRunSchema);
}

function settingsOf({ samples, seeds, quick }: EvalOptions, config: PolicyRunConfig): PolicyEvaluationSettings {
  const settings = quick ? quickSettings(config) : config.evaluation;
  const count = samples === undefined ? settings.samples : wholeNumber("--samples", samples, 100, 1_000_000);
  if (count % 10) throw new UserError(`Cannot take --samples ${count}: wanted a multiple of 10, as many of each digit`);
  const list = seeds?.split(",").map((seed) => wholeNumber("--seeds", seed.trim(), 0, 0xffffffff));
  if (list && new Set(list).size < list.length) {
    throw new UserError(`Cannot take --seeds ${seeds}: a seed twice paints the same pictures; give each once`);
  }
  return { ...settings, samples: count, ...(list ? { seeds: list } : {}) };
}

async function evaluate(
  run: RunDirectory,
  config: PolicyRunConfig,
  settings: PolicyEvaluationSettings,
): Promise<PolicyEvaluation> {
  const { judges, memory_gib } = config, file = await trainedPolicyPath(run);
  const device = await Device.open({ memoryBytes: memory_gib * 2 ** 30, choose: tunedTable });
  const policy = await loadPolicy(device, file);
  using painter = await openPainter(device, config.model, config.tokenizer);
  const judge = await loadJudge(device, judges.held_out);
  const data = await loadFullDigits(config.data);
  const rewardOf = await searchReward(device, await loadJudge(device, judges.reward), data);
  const commit = await currentCommit(new URL("../../", import.meta.url));
  noteLine(`Evaluating ${run.path} on ${device.gpu.adapter.name}; Ctrl-C leaves everything as it was`);
  using progress = new Progress(picturesOf(policy, settings));
  const parts = { painter, policy, judge, judgeFile: judges.held_out, data, commit };
  return await evaluatePolicy(parts, settings, rewardOf, (done, what) => progress.update(done, what));
}

async function writePlot(run: RunDirectory, { methods }: PolicyEvaluation): Promise<void> {
  const svg = await paretoSvg(methods, "Frechet distance by steps", "steps on average", "mean_steps");
  if (!svg) return;
  const { rasterizeSvg } = await import("../report/rasterize.ts");
  await run.writeBytes(join("plots", "pareto.png"), rasterizeSvg(svg, 2));
}
