import type { ArpgPainter } from "../eval/arpg_painter.ts";
import type { TokenSampling } from "../eval/decoding_method.ts";
import { UserError } from "../error.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { Arpg } from "../models/arpg.ts";
import type { Sampling } from "../models/decode_step.ts";
import { Initializer } from "../nn/init.ts";
import { DecodingPolicy } from "../policy/decoding_policy.ts";
import { budgetDegrees } from "../policy/step_budget.ts";
import type { DecodingGrpoOptions, TrainedGenerator } from "../rl/decoding_grpo.ts";
import type { GeneratorGrpoOptions } from "../rl/generator_options.ts";
import type { Device } from "../tensor/device.ts";
import type { PhaseRunner } from "./phases.ts";
import type { PolicyTrainingConfig } from "./policy_training_config.ts";

/** What training a decoding policy takes, whatever the generator paints. */
export interface PolicyTraining {
  readonly device: Device;
  readonly config: PolicyTrainingConfig;
  readonly run: RunDirectory;
  readonly runner: PhaseRunner;
  readonly painter: ArpgPainter;
  /** A trainable copy of the painter's model. */
  readonly loadGenerator: () => Promise<Arpg>;
  /** Classes to paint, in turn. */
  readonly classes: readonly number[];
  /** Their names and those of all others, by class, for rewards that read. */
  readonly classNames: readonly string[];
  /** Pictures decoded from their tokens together; default all of an update. */
  readonly pixelsTogether?: number;
}

/** An untrained policy of the config's sizes for the painter's model. */
export function makePolicy(
  device: Device,
  { policy, training, seed }: PolicyTrainingConfig,
  { model }: ArpgPainter,
): DecodingPolicy {
  const { max_parallel: most, ...sizes } = policy;
  const { target_steps: targets, max_steps } = training;
  const { cells, classes } = model.config;
  const steps = max_steps ?? Math.max(...targets);
  return new DecodingPolicy(new Initializer(device, seed), {
    ...sizes,
    degrees: budgetDegrees(targets, cells, policy.prior.schedule).filter((degree) => degree <= (most ?? cells)),
    targets,
    max_steps: steps,
    // Where T_max is not given, a painting may not take more steps than its target.
    slack: max_steps === null ? 0 : max_steps,
    cells,
    classes,
  });
}

/** Settings of the trainer. */
export function optionsOf({ config, classes, pixelsTogether }: PolicyTraining): DecodingGrpoOptions {
  const { train, training, seed } = config;
  return {
    trainPolicy: train !== "generator",
    groups: training.batch_size,
    groupSize: training.group_size,
    classes,
    guidance: { scale: training.cfg_scale, form: "constant" },
    temperature: training.temperature,
    commonNoise: training.common_noise,
    innerEpochs: training.inner_epochs,
    minibatches: training.minibatches,
    learningRate: training.learning_rate,
    updates: training.num_epochs * training.batches_per_epoch,
    warmupUpdates: training.warmup_updates,
    maxGradNorm: training.max_grad_norm,
    emaDecay: training.ema_decay,
    advantage: training.advantage,
    normalisation: training.normalisation,
    ratio: training.ratio,
    clipLow: training.clip_epsilon,
    clipHigh: training.clip_epsilon_high,
    delta: training.delta,
    klCoef: training.kl_coef,
    entropyCoef: training.entropy_coef,
    ...(pixelsTogether ? { pixelsTogether } : {}),
    seed,
  };
}

/** How a generator learns, whatever its tokens are drawn with. */
export function generatorLearning(
  { training, generator }: Pick<PolicyTrainingConfig, "training" | "generator">,
): Omit<GeneratorGrpoOptions, "guidance" | keyof Sampling> {
  return {
    innerEpochs: training.inner_epochs,
    parts: generator.parts,
    learningRate: generator.learning_rate,
    updates: training.num_epochs * training.batches_per_epoch,
    warmupUpdates: training.warmup_updates,
    maxGradNorm: training.max_grad_norm,
    emaDecay: generator.ema_decay,
    normalisation: training.normalisation,
    clipLow: training.clip_epsilon,
    clipHigh: training.clip_epsilon_high,
    delta: training.delta,
    kl: generator.kl,
    beta: generator.beta,
  };
}

/** The generator, where the config has it trained too. @throws {UserError} for rewards that would not follow it. */
export async function trainedGenerator({ config, loadGenerator }: PolicyTraining): Promise<TrainedGenerator | null> {
  const { train, training, generator, reward } = config;
  if (train === "policy") return null;
  if (reward.fidelity) {
    throw new UserError(
      `Cannot train: ${train} with reward.fidelity: fidelity is to the frozen generator; set reward.fidelity=null`,
    );
  }
  return {
    model: await loadGenerator(),
    reference: generator.beta > 0 ? await loadGenerator() : null,
    options: {
      guidance: { scale: training.cfg_scale, form: "constant" },
      temperature: training.temperature,
      ...generatorLearning(config),
    },
  };
}

/** Guidance and temperature that the policy is trained under. */
export function samplingOf({ training }: Pick<PolicyTrainingConfig, "training">): TokenSampling {
  return { guidance: training.cfg_scale, temperature: training.temperature };
}
