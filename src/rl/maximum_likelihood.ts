import type { Digits } from "../data/digits.ts";
import { sequenceBatch, Shuffler } from "../data/pixel_sequences.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { mean } from "../ops/reduce.ts";
import { AdamW } from "../optim/adamw.ts";
import { Ema } from "../optim/ema.ts";
import { cosine, type Schedule, warmup } from "../optim/schedule.ts";
import type { Captured } from "../tensor/captured.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Settings of {@link MaximumLikelihood}. */
export interface MaximumLikelihoodOptions {
  /** Passes over the digits. */
  readonly epochs: number;
  /** Digits of one step. */
  readonly batchSize: number;
  /** Highest rate of AdamW. */
  readonly learningRate: number;
  /** Steps over which the rate rises from zero. */
  readonly warmupSteps: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** Bound of the global gradient norm. */
  readonly maxGradNorm: number;
  /** Decay of the averaged weights that training leaves behind. */
  readonly emaDecay: number;
  /** Of the order of the digits. */
  readonly seed: number;
}

/**
 * Maximum likelihood of a pixel generator on digits: minimises `-1/T sum_t log p(x_t | x_<t, class)` with AdamW. One
 * step is one submit: upload of a batch, forward, backward, update, average.
 */
export class MaximumLikelihood {
  /** Its state belongs into a checkpoint. */
  readonly optimizer: AdamW;
  /** Moving averages of the parameters. */
  readonly ema: Ema;
  /** Steps of the whole training. */
  readonly steps: number;
  /** Steps of one pass. */
  readonly stepsPerEpoch: number;
  readonly #inputs: Tensor;
  readonly #places: Tensor;
  readonly #targets: Tensor;
  readonly #shuffler: Shuffler;
  readonly #schedule: Schedule;
  readonly #step: Captured<Tensor>;

  /** Records a step, to be replayed. */
  constructor(
    private readonly model: LstmGenerator,
    private readonly digits: Digits,
    options: MaximumLikelihoodOptions,
  ) {
    const { batchSize, learningRate, warmupSteps, weightDecay, maxGradNorm, emaDecay, seed } = options;
    const parameters = [...model.parameters().values()];
    const { device } = parameters[0]!;
    const { pixels } = model.config;
    this.#shuffler = new Shuffler(digits.count, batchSize, seed);
    this.stepsPerEpoch = this.#shuffler.batchesPerEpoch;
    this.steps = options.epochs * this.stepsPerEpoch;
    this.#schedule = warmup(warmupSteps, cosine(learningRate, learningRate / 50, this.steps));
    this.optimizer = new AdamW(device, parameters, { betas: [0.9, 0.99], weightDecay, maxGradNorm });
    this.ema = new Ema(device, parameters, emaDecay);
    const batch = () => device.zeros([batchSize, pixels], "i32");
    [this.#inputs, this.#places, this.#targets] = [batch(), batch(), batch()];
    this.#step = device.capture(() => {
      const loss = likelihoodLoss(model, this.#inputs, this.#places, this.#targets);
      this.optimizer.step(gradients(loss, parameters));
      this.ema.update();
      return loss;
    });
  }

  /** Runs step `n` (from 0); returns its loss, in nats per pixel, as a tensor that the next step overwrites. */
  step(n: number): Tensor {
    const { inputs, places, targets } = sequenceBatch(this.digits, this.#shuffler.batch(n), this.model.config);
    this.#inputs.write(inputs);
    this.#places.write(places);
    this.#targets.write(targets);
    this.optimizer.learningRate.value = this.#schedule(n);
    this.optimizer.advance();
    this.#step.replay();
    return this.#step.result;
  }

  /** Gives the step's memory back. */
  dispose(): void {
    this.#step.dispose();
  }
}

/** Mean negative log-likelihood of the targets, in nats per pixel, `[1]`. */
export function likelihoodLoss(
  model: LstmGenerator,
  inputs: Tensor,
  places: Tensor,
  targets: Tensor,
): Tensor {
  const { logits } = model.forward(inputs, places);
  return mean(crossEntropy(logits, targets));
}
