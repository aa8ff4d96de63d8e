import type { Digits } from "../data/digits.ts";
import { RealDigits } from "../eval/evaluate_digits.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import { ClassifierReward } from "../rewards/classifier_reward.ts";
import type { WeightedReward } from "../rewards/reward.ts";
import { ArGrpo, type ArGrpoOptions } from "../rl/ar_grpo.ts";
import type { Device } from "../tensor/device.ts";
import { type Judges, makeJudges } from "./digits_judges.ts";
import { type DigitsArGrpoConfig, digitsArGrpoSchema } from "./digits_config.ts";
import { loadDigits, ofClasses } from "./digits_data.ts";
import { DigitsInspector, evaluateModels } from "./digits_evaluation.ts";
import { loadModel, makeGenerator, saveModel } from "./digits_models.ts";
import { GrpoPhase, PretrainPhase } from "./digits_phases.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { PhaseRunner } from "./phases.ts";

const phases = ["judges", "pretrain", "from_scratch", "grpo", "evaluate"] as const;

/** What the phases of the job share. */
export interface DigitsJob {
  readonly device: Device;
  readonly config: DigitsArGrpoConfig;
  readonly run: RunDirectory;
  readonly runner: PhaseRunner;
  readonly data: { readonly train: Digits; readonly test: Digits };
  /** The classes to paint: all ten, or the target. */
  readonly classes: readonly number[];
  readonly signal: AbortSignal;
}

/**
 * AR-GRPO on 8x8 digits: trains two judges, pretrains an LSTM by maximum likelihood, improves it by GRPO under judge A,
 * and evaluates under judge B, which no reward has seen. Everything lands in the run's folder.
 *
 * @returns the comparison as text.
 */
export async function runDigitsArGrpo(
  device: Device,
  config: DigitsArGrpoConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: config.checkpoint_seconds });
  const data = await loadDigits(config.data);
  const classes = config.target === null ? [...Array(10).keys()] : [config.target];
  const job: DigitsJob = { device, config, run, runner, data, classes, signal };
  const done = (name: typeof phases[number]) => runner.isDone(name, phases);

  const judges = await makeJudges(job, done("judges"));
  const real = await RealDigits.measure(device, judges.b, {
    train: ofClasses(data.train, classes),
    test: ofClasses(data.test, classes),
  });
  if (!config.from_scratch) await pretrain(job, done("pretrain"));
  if (config.from_scratch || config.scratch.updates > 0) await fromScratch(job, judges, real, done("from_scratch"));
  if (!config.from_scratch) await improve(job, judges, real, done("grpo"));
  await runner.begin("evaluate");
  return await evaluateModels(job, judges, real);
}

/** The job `digits_ar_grpo`. */
export const digitsArGrpoJob = defineJob(digitsArGrpoSchema, runDigitsArGrpo);

async function pretrain(job: DigitsJob, done: boolean): Promise<void> {
  if (done) return;
  const { device, run, runner, config, data, classes } = job;
  await runner.begin("pretrain");
  const model = makeGenerator(device, config);
  const wanted = { train: ofClasses(data.train, classes), test: ofClasses(data.test, classes) };
  const phase = new PretrainPhase(device, model, wanted, config);
  await runner.steps(phase);
  phase.finish();
  await saveModel(run, "pretrained", device, model);
}

async function fromScratch(job: DigitsJob, judges: Judges, real: RealDigits, done: boolean): Promise<void> {
  if (done) return;
  const { updates, group_size: groupSize, learning_rate: learningRate } = job.config.scratch;
  // REINFORCE with the group's mean as baseline: one step on each rollout, so that no ratio is ever clipped.
  const reinforce = {
    innerEpochs: 1,
    groupSize,
    learningRate,
    beta: 0,
    likelihoodWeight: 0,
    advantage: "mean",
  } as const;
  await optimise(job, judges, real, "from_scratch", updates, makeGenerator(job.device, job.config), null, reinforce);
}

async function improve(job: DigitsJob, judges: Judges, real: RealDigits, done: boolean): Promise<void> {
  if (done) return;
  const { device, config, run } = job;
  const model = makeGenerator(device, config), reference = makeGenerator(device, config);
  for (const each of [model, reference]) await loadModel(run, "pretrained", each);
  await optimise(job, judges, real, "model", config.grpo.updates, model, reference, {});
}

/** Runs one policy optimisation and saves its model under `name`. */
async function optimise(
  job: DigitsJob,
  judges: Judges,
  real: RealDigits,
  name: "from_scratch" | "model",
  updates: number,
  model: LstmGenerator,
  reference: LstmGenerator | null,
  changes: Partial<ArGrpoOptions>,
): Promise<void> {
  const { runner, run, device } = job;
  const phase = name === "model" ? "grpo" : name;
  await runner.begin(phase);
  const trainer = new ArGrpo(model, reference, rewardsOf(job, judges), ofClasses(job.data.train, job.classes), {
    ...optionsOf(job),
    updates,
    ...changes,
  });
  const inspector = new DigitsInspector(job, judges, real, phase, model);
  const training = new GrpoPhase(phase, updates, model, trainer, (n) => inspector.look(n));
  await runner.steps(training);
  training.finish();
  await saveModel(run, name, device, model);
}

function rewardsOf({ config }: DigitsJob, { a }: Judges): WeightedReward[] {
  const { weight, form } = config.reward.classifier;
  return [{ reward: new ClassifierReward(a, form), weight }];
}

function optionsOf({ config: { grpo, seed }, classes }: DigitsJob): Omit<ArGrpoOptions, "updates"> {
  return {
    groups: Array.from({ length: grpo.groups }, (_, i) => classes[i % classes.length]!),
    groupSize: grpo.group_size,
    innerEpochs: grpo.inner_epochs,
    learningRate: grpo.learning_rate,
    warmupUpdates: grpo.warmup_updates,
    maxGradNorm: grpo.max_grad_norm,
    emaDecay: grpo.ema_decay,
    advantage: grpo.advantage,
    normalisation: grpo.normalisation,
    clipLow: grpo.clip_low,
    clipHigh: grpo.clip_high,
    delta: grpo.delta,
    kl: grpo.kl,
    beta: grpo.beta,
    likelihoodWeight: grpo.likelihood_weight,
    likelihoodBatch: grpo.likelihood_batch,
    temperature: grpo.temperature,
    seed,
  };
}
