/**
 * Decoding policies of several training seeds against rules made by hand: many pictures, every method at its own best
 * guidance and temperature (found by the first run), mean and spread over the seeds. The policy of the i-th run and the
 * i-th set of every rule are painted from the same noise. Prints a table and writes all figures as JSON:
 *
 *   deno task bench:policy-seeds FILE.json RUN...
 */
import { printLine } from "../src/cli/terminal.ts";
import { tunedTable } from "../src/cli/tuning_file.ts";
import { loadConfig } from "../src/config/load_config.ts";
import { arpgMethod, type DecodingMethod, policyMethod, type TokenSampling } from "../src/eval/decoding_method.ts";
import { MethodScoring, type ScoredMethod } from "../src/eval/method_scoring.ts";
import { MethodTrials } from "../src/eval/method_trials.ts";
import { MethodYardstick } from "../src/eval/method_yardstick.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { RunDirectory } from "../src/io/run_directory.ts";
import { loadFullDigits } from "../src/jobs/digits_data.ts";
import { loadJudge } from "../src/jobs/judge_file.ts";
import { openPainter } from "../src/jobs/open_painter.ts";
import { policyRunSchema, trainedPolicyPath } from "../src/jobs/policy_evaluation_config.ts";
import { loadPolicy } from "../src/jobs/policy_file.ts";
import { Device } from "../src/tensor/device.ts";

const [file, ...folders] = Deno.args;
if (!file || folders.length === 0) {
  throw new Error("name a file and runs: deno task bench:policy-seeds FILE.json RUN...");
}
const plan = {
  samples: 5000,
  seeds: folders.map((_, i) => 1001 + i),
  tuning_samples: 300,
  guidance: [1.1, 1.25, 1.5],
  temperature: [1, 1.1],
  finalists: 1,
};
/** Numbers of steps of ARPG's own rule to compare with, besides the policy's targets. */
const references = [12, 25];

const runs = await Promise.all(folders.map((folder) => RunDirectory.open(folder)));
const config = loadConfig(runs[0]!.config, policyRunSchema);
const device = await Device.open({ memoryBytes: config.memory_gib * 2 ** 30, choose: tunedTable });
using painter = await openPainter(device, config.model, config.tokenizer);
const judge = await loadJudge(device, config.judges.held_out);
const yardstick = await MethodYardstick.measure(device, judge, await loadFullDigits(config.data), plan.samples);
const policies = [];
for (const run of runs) policies.push(await loadPolicy(device, await trainedPolicyPath(run)));
const { targets } = policies[0]!.config;

const scoring = new MethodScoring(painter, yardstick);
const trials = new MethodTrials(scoring, plan);
const rows: object[] = [];

/** Scores what stands for a method at each seed, at the guidance and temperature that are best for the first. */
async function score(methods: readonly DecodingMethod[]): Promise<TokenSampling> {
  const sampling = await trials.best(methods[0]!);
  const scores: ScoredMethod[] = [];
  for (const [i, method] of methods.entries()) {
    scores.push(await scoring.score(method, sampling, { samples: plan.samples, seeds: [plan.seeds[i]!] }));
  }
  const { name, target_steps, milliseconds } = scores[0]!;
  const [frechet, error] = [scores.map((s) => s.frechet.value), scores.map((s) => 1 - s.accuracy.value)].map(spreadOf);
  rows.push({ name, target_steps, ...sampling, frechet, error, milliseconds, scores });
  const shown = ({ mean, deviation }: Spread, scale: number) =>
    `${(scale * mean).toFixed(2)} +- ${(scale * deviation).toFixed(2)}`;
  printLine(
    `${target_steps} steps  ${name.padEnd(16)} guidance ${sampling.guidance} temperature ${sampling.temperature}  ` +
      `Frechet ${shown(frechet!, 1)}  error ${shown(error!, 100)} %  ${milliseconds.toFixed(1)} ms`,
  );
  return sampling;
}

interface Spread {
  readonly mean: number;
  /** Standard deviation of the sample, over n - 1; 0 of a single value. */
  readonly deviation: number;
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

const ruleOfAll = (method: DecodingMethod) => plan.seeds.map(() => method);
for (const steps of targets) {
  await score(policies.map((policy) => policyMethod(policy, steps, "sampled")));
  const sampling = await score(ruleOfAll(arpgMethod(steps)));
  for (const method of await trials.screen(steps, sampling)) await score(ruleOfAll(method));
}
for (const steps of references) await score(ruleOfAll(arpgMethod(steps)));
printLine(`${plan.samples} held-out real digits: Frechet ${yardstick.heldOut.frechet.toFixed(2)}`);

const record = {
  date: new Date().toISOString().slice(0, 10),
  adapter: device.gpu.adapter.name,
  plan,
  held_out: yardstick.heldOut,
  rows,
  tuning: trials.tuning,
  screening: trials.screening,
};
await writeFileAtomic(file, new TextEncoder().encode(JSON.stringify(record, null, 2)));
device.destroy();
