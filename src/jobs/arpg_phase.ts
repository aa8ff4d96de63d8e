import type { TokenCodes } from "../data/token_codes.ts";
import type { Arpg } from "../models/arpg.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { mean } from "../ops/reduce.ts";
import { ArpgBatches } from "../rl/arpg_batches.ts";
import { ArpgLikelihood } from "../rl/arpg_likelihood.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { DigitsArpgConfig } from "./digits_arpg_config.ts";
import type { Phase } from "./phases.ts";
import { restoreTraining, trainingState } from "./training_state.ts";

/** Steps between two readings of the loss; the queue never holds more. */
const lossEvery = 10;

/** Most held-out digits in a look at their loss. */
const testSamples = 500;

/** Maximum likelihood as a phase; the model ends with the averaged weights. */
export class ArpgPhase implements Phase {
  readonly name = "train";
  readonly steps: number;
  readonly #training: ArpgLikelihood;
  #info = "";

  constructor(
    private readonly device: Device,
    private readonly model: Arpg,
    private readonly codes: { readonly train: TokenCodes; readonly test: TokenCodes },
    private readonly config: DigitsArpgConfig,
  ) {
    const { train, augmentation, seed } = config;
    this.steps = train.steps;
    this.#training = new ArpgLikelihood(model, codes.train, {
      steps: train.steps,
      batchSize: train.batch_size,
      optimizer: train.optimizer,
      learningRate: train.learning_rate,
      warmupSteps: train.warmup_steps,
      weightDecay: train.weight_decay,
      maxGradNorm: train.max_grad_norm,
      emaDecay: train.ema_decay,
      classDropout: train.class_dropout,
      cropsUntil: Math.round(augmentation.until * train.steps),
      dropout: train.dropout,
      seed,
    });
  }

  state(): Map<string, Tensor> {
    return trainingState(this.model, this.#training);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    restoreTraining(this.model, this.#training, tensors);
  }

  async step(n: number, log: (record: Record<string, number>) => void): Promise<string> {
    const loss = this.#training.step(n);
    if (n % lossEvery === lossEvery - 1) {
      const found = await this.device.read([loss, this.#training.optimizer.gradNorm]);
      const [value, norm] = found.map(([first]) => first!);
      this.#info = `${value!.toFixed(3)} nats a token`;
      log({ step: n + 1, loss: value!, grad_norm: norm! });
    }
    if ((n + 1) % this.config.train.evaluate_every === 0 || n + 1 === this.steps) {
      const { ema } = this.#training;
      ema.swap();
      log({ step: n + 1, test_loss: await this.#testLoss() });
      ema.swap();
    }
    return this.#info;
  }

  /** Leaves the averaged weights in the model and frees the rest. */
  finish(): void {
    this.#training.ema.swap();
    this.#training.dispose();
  }

  /** Nats a token on held-out digits with their classes, in orders that never change. */
  async #testLoss(): Promise<number> {
    const { test } = this.codes;
    const rows = Math.min(testSamples, test.labels.length);
    const batch = new ArpgBatches(test, rows, 0, 0);
    batch.fill(0);
    using _scope = this.device.scope();
    const [tokens, order] = [batch.tokens, batch.order].map((ids) => this.device.tensor(ids, [rows, test.shape[2]]));
    const classes = this.device.tensor(batch.classes);
    return await this.device.noGrad(() => {
      const { logits, targets } = this.model.forward(tokens!, classes, order!);
      return mean(crossEntropy(logits, targets));
    }).item();
  }
}
