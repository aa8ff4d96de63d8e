import type { Clip } from "../models/clip.ts";
import { reshape } from "../ops/reshape.ts";
import { AdamW } from "../optim/adamw.ts";
import { Ema } from "../optim/ema.ts";
import { cosine, type Schedule, warmup } from "../optim/schedule.ts";
import type { Captured } from "../tensor/captured.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contrastiveLoss } from "./contrastive_loss.ts";

/** Settings of {@link ClipTraining}. */
export interface ClipTrainingOptions {
  /** Steps of the whole training. */
  readonly steps: number;
  /** G, groups of pairs in a step; pairs of different groups are not compared. */
  readonly groups: number;
  /** N, pairs of a group, all of which must mean different things. */
  readonly groupSize: number;
  /** L, ids of a text. */
  readonly textLength: number;
  /** Highest rate of AdamW; a cosine takes it to a fiftieth. */
  readonly learningRate: number;
  /** Steps over which the rate rises from zero. */
  readonly warmupSteps: number;
  /** Decoupled weight decay of matrices; gains, biases and the scale have none. */
  readonly weightDecay: number;
  /** Bound of the global gradient norm. */
  readonly maxGradNorm: number;
  /** Decay of the averaged weights that training leaves behind. */
  readonly emaDecay: number;
}

/**
 * Trains a CLIP on pairs of an image and a text by {@link contrastiveLoss} with AdamW; one step is one submit: upload of
 * a batch, forward, backward, update, average.
 */
export class ClipTraining {
  /** Its state belongs into a checkpoint. */
  readonly optimizer: AdamW;
  /** Moving averages of the parameters. */
  readonly ema: Ema;
  readonly #pixels: Tensor;
  readonly #ids: Tensor;
  readonly #schedule: Schedule;
  readonly #step: Captured<Tensor>;

  /** Records a step, to be replayed. */
  constructor(model: Clip, options: ClipTrainingOptions) {
    const { steps, groups, groupSize, textLength, learningRate, warmupSteps, weightDecay, maxGradNorm } = options;
    const parameters = [...model.parameters().values()];
    const { device } = model.logitScale;
    const { projection_dim, vision_config: { num_channels, image_size } } = model.config;
    this.#schedule = warmup(warmupSteps, cosine(learningRate, learningRate / 50, steps));
    this.optimizer = new AdamW(device, parameters, {
      betas: [0.9, 0.98],
      weightDecay: parameters.map(({ shape }) => shape.length > 1 ? weightDecay : 0),
      maxGradNorm,
    });
    this.ema = new Ema(device, parameters, options.emaDecay);
    this.#pixels = device.zeros([groups * groupSize, num_channels, image_size, image_size]);
    this.#ids = device.zeros([groups * groupSize, textLength], "i32");
    this.#step = device.capture(() => {
      const grouped = (embeddings: Tensor) => reshape(embeddings, [groups, groupSize, projection_dim]);
      const images = grouped(model.encodeImage(this.#pixels)), texts = grouped(model.encodeText(this.#ids));
      const loss = contrastiveLoss(images, texts, model.logitScale);
      this.optimizer.step(gradients(loss, parameters));
      this.ema.update();
      return loss;
    });
  }

  /**
   * Runs step n (from 0); returns its loss, in nats, as a tensor that the next step overwrites.
   *
   * @param pixels `[G N, 3, S, S]`, normalised as the model wants it, group by group.
   * @param ids `[G N, L]`, the text of each image.
   */
  step(n: number, pixels: Float32Array, ids: Int32Array): Tensor {
    this.#pixels.write(pixels);
    this.#ids.write(ids);
    this.optimizer.learningRate.value = this.#schedule(n);
    this.optimizer.advance();
    this.#step.replay();
    return this.#step.result;
  }

  /** Gives the step's memory back. */
  dispose(): void {
    this.#step.dispose();
    this.#pixels.dispose();
    this.#ids.dispose();
  }
}
