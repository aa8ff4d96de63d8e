import type { Digits } from "../data/digits.ts";
import { sequenceBatch } from "../data/pixel_sequences.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import type { ArGrpo, UpdateMetrics } from "../rl/ar_grpo.ts";
import { likelihoodLoss, MaximumLikelihood } from "../rl/maximum_likelihood.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { DigitsArGrpoConfig } from "./digits_config.ts";
import type { Phase } from "./phases.ts";
import { restoreTraining, trainingState } from "./training_state.ts";

/** Steps between two readings of the loss; the queue never holds more. */
const lossEvery = 10;

/** Maximum likelihood as a phase; the model ends with the averaged weights. */
export class PretrainPhase implements Phase {
  readonly name = "pretrain";
  readonly steps: number;
  readonly #training: MaximumLikelihood;
  readonly #test: Digits;
  #info = "";

  constructor(
    private readonly device: Device,
    private readonly model: LstmGenerator,
    data: { readonly train: Digits; readonly test: Digits },
    { pretrain, seed }: DigitsArGrpoConfig,
  ) {
    this.#training = new MaximumLikelihood(model, data.train, {
      epochs: pretrain.epochs,
      batchSize: pretrain.batch_size,
      learningRate: pretrain.learning_rate,
      warmupSteps: pretrain.warmup_steps,
      weightDecay: pretrain.weight_decay,
      maxGradNorm: pretrain.max_grad_norm,
      emaDecay: pretrain.ema_decay,
      seed,
    });
    this.steps = this.#training.steps;
    this.#test = data.test;
  }

  state(): Map<string, Tensor> {
    return trainingState(this.model, this.#training);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    restoreTraining(this.model, this.#training, tensors);
  }

  async step(n: number, log: (record: Record<string, number>) => void): Promise<string> {
    const loss = this.#training.step(n);
    const { stepsPerEpoch, ema } = this.#training;
    if (n % lossEvery === lossEvery - 1) {
      const value = await loss.item();
      this.#info = `${value.toFixed(3)} nats a pixel`;
      log({ step: n + 1, loss: value });
    }
    if ((n + 1) % stepsPerEpoch === 0) {
      ema.swap();
      log({ step: n + 1, epoch: (n + 1) / stepsPerEpoch, test_loss: await this.#testLoss() });
      ema.swap();
    }
    return this.#info;
  }

  /** Leaves the averaged weights in the model and frees the rest. */
  finish(): void {
    this.#training.ema.swap();
    this.#training.dispose();
  }

  async #testLoss(): Promise<number> {
    const indices = Array.from({ length: Math.min(250, this.#test.count) }, (_, i) => i);
    const { inputs, places, targets } = sequenceBatch(this.#test, indices, this.model.config);
    using _scope = this.device.scope();
    const shape = [indices.length, this.model.config.pixels];
    const [x, at, y] = [inputs, places, targets].map((ids) => this.device.tensor(ids, shape));
    return await this.device.noGrad(() => likelihoodLoss(this.model, x!, at!, y!)).item();
  }
}

/** Policy optimisation as a phase. */
export class GrpoPhase implements Phase {
  /** `inspect` is called with the number of updates done, while the model holds the averaged weights. */
  constructor(
    readonly name: string,
    readonly steps: number,
    private readonly model: LstmGenerator,
    private readonly trainer: ArGrpo,
    private readonly inspect: (updates: number) => Promise<Record<string, number>>,
  ) {}

  state(): Map<string, Tensor> {
    return trainingState(this.model, this.trainer);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    restoreTraining(this.model, this.trainer, tensors);
  }

  async step(n: number, log: (record: UpdateMetrics) => void): Promise<string> {
    if (n === 0) log({ updates: 0, ...await this.inspect(0) }); // where the curves begin
    const metrics = await this.trainer.update(n);
    this.trainer.ema.swap();
    const found = await this.inspect(n + 1);
    this.trainer.ema.swap();
    log({ ...metrics, updates: n + 1, ...found });
    return `reward ${metrics.reward!.toPrecision(3)}  KL ${metrics.kl!.toFixed(4)}`;
  }

  /** Leaves the averaged weights in the model and frees the rest. */
  finish(): void {
    this.trainer.ema.swap();
    this.trainer.dispose();
  }
}
