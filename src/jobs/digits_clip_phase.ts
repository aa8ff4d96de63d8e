import type { Clip } from "../models/clip.ts";
import { ClipTraining } from "../rl/clip_training.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { DigitPairs } from "./digits_clip_batches.ts";
import type { DigitsClipConfig } from "./digits_clip_config.ts";
import type { Phase } from "./phases.ts";
import { restoreTraining, trainingState } from "./training_state.ts";

/** Steps between two readings of the loss; the queue never holds more. */
const lossEvery = 10;

/** Training of a CLIP on digits as a phase; the model ends with the averaged weights. */
export class DigitsClipPhase implements Phase {
  readonly name = "train";
  readonly steps: number;
  readonly #training: ClipTraining;
  #info = "";

  /**
   * Records a step.
   *
   * @param inspect is called while the model holds the averaged weights.
   */
  constructor(
    private readonly model: Clip,
    private readonly pairs: DigitPairs,
    private readonly settings: DigitsClipConfig["training"],
    private readonly inspect: () => Promise<Record<string, number>>,
  ) {
    this.steps = settings.steps;
    this.#training = new ClipTraining(model, {
      steps: settings.steps,
      groups: settings.groups,
      groupSize: 10,
      textLength: model.config.text_config.max_position_embeddings,
      learningRate: settings.learning_rate,
      warmupSteps: settings.warmup_steps,
      weightDecay: settings.weight_decay,
      maxGradNorm: settings.max_grad_norm,
      emaDecay: settings.ema_decay,
    });
  }

  state(): Map<string, Tensor> {
    return trainingState(this.model, this.#training);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    restoreTraining(this.model, this.#training, tensors);
  }

  async step(n: number, log: (record: Record<string, number>) => void): Promise<string> {
    const { pairs } = this;
    pairs.fill(n);
    const loss = this.#training.step(n, pairs.pixels, pairs.ids);
    if (n % lossEvery === lossEvery - 1) {
      const value = await loss.item();
      log({ step: n + 1, loss: value });
      this.#info = `loss ${value.toFixed(4)}`;
    }
    if ((n + 1) % this.settings.evaluate_every === 0) {
      this.#training.ema.swap();
      log({ step: n + 1, ...await this.inspect() });
      this.#training.ema.swap();
    }
    return this.#info;
  }

  /** Leaves the averaged weights in the model and frees the rest. */
  finish(): void {
    this.#training.ema.swap();
    this.#training.dispose();
  }
}
