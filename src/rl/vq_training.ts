import { Scalar } from "../gpu/params.ts";
import type { VqReconstruction, VqTokenizer } from "../models/vq_tokenizer.ts";
import { concat } from "../ops/concat.ts";
import { add, maximum, mul, sub } from "../ops/elementwise_binary.ts";
import { neg, square } from "../ops/elementwise_unary.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { reviveCodes } from "../ops/revive_codes.ts";
import { AdamW } from "../optim/adamw.ts";
import { Ema } from "../optim/ema.ts";
import { cosine, type Schedule, warmup } from "../optim/schedule.ts";
import type { Captured } from "../tensor/captured.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Gives features `[B, F]` of images `[B, C, H, W]` with values in [0, 1], as a `Judge` does. */
export interface FeatureExtractor {
  /** `[B, C, H, W]` to `[B, F]`. */
  features(images: Tensor): Tensor;
}

/** What a tokenizer is trained to make small, see {@link vqLosses}. */
export interface VqLossOptions {
  /** Per pixel: absolute or squared error. */
  readonly reconstruction: "l1" | "mse";
  /** Weight of the codebook loss. */
  readonly codebookWeight: number;
  /** Weight of the commitment loss; 0.25 is usual. */
  readonly commitmentWeight: number;
  /** Squared error between the features of images and reconstructions; left out, none. */
  readonly perceptual?: { readonly extractor: FeatureExtractor; readonly weight: number };
}

/** Settings of {@link VqTraining}. */
export interface VqTrainingOptions extends VqLossOptions {
  /** Steps of the whole training. */
  readonly steps: number;
  /** Images of one step. */
  readonly batchSize: number;
  /** Height and width of the images, in pixels. */
  readonly size: number;
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
  /** A code that so many batches left unused is set on a vector of the batch. */
  readonly reviveAfter: number;
  /** The first step that revives none, so that the averages can follow. */
  readonly reviveUntil: number;
  /** Of the choice of vectors. */
  readonly seed: number;
}

/** Numbers of one step, in the order of the tensor that `VqTraining.step` returns. */
export const vqLossNames = ["loss", "reconstruction", "codebook", "commitment", "perceptual"] as const;

/**
 * Trains a VQ tokenizer on images with AdamW; one step is one submit: upload of a batch, forward, backward, update,
 * average, revival of dead codes.
 */
export class VqTraining {
  /** Its state belongs into a checkpoint. */
  readonly optimizer: AdamW;
  /** Moving averages of the parameters. */
  readonly ema: Ema;
  /** u32 `[K]`, steps since each code was last used. */
  readonly age: Tensor;
  readonly #images: Tensor;
  readonly #schedule: Schedule;
  readonly #number = new Scalar(0);
  readonly #window: Scalar;
  readonly #step: Captured<Tensor>;

  /** Records a step, to be replayed. */
  constructor(model: VqTokenizer, private readonly options: VqTrainingOptions) {
    const { steps, batchSize, size, learningRate, warmupSteps, weightDecay, maxGradNorm, emaDecay, seed } = options;
    const parameters = [...model.parameters().values()];
    const { device } = parameters[0]!;
    this.#schedule = warmup(warmupSteps, cosine(learningRate, learningRate / 50, steps));
    this.optimizer = new AdamW(device, parameters, { betas: [0.9, 0.99], weightDecay, maxGradNorm });
    this.ema = new Ema(device, parameters, emaDecay);
    this.age = device.zeros([model.config.codebook_size], "u32");
    this.#images = device.zeros([batchSize, model.config.image_channels, size, size]);
    this.#window = new Scalar(options.reviveAfter);
    this.#step = device.capture(() => {
      const found = model.reconstruct(this.#images);
      const losses = vqLosses(this.#images, found, options);
      this.optimizer.step(gradients(losses.loss, parameters));
      this.ema.update();
      const table = model.quantizer.weight, { age } = this, { codes, vectors } = found;
      reviveCodes({ codes, vectors, table, age }, this.#window, { seed, stream: 0, step: this.#number, purpose: 0 });
      return concat(vqLossNames.map((name) => reshape(losses[name], [1])), 0);
    });
  }

  /**
   * Runs step `n` (from 0) on images `[B, C, H, W]` in [-1, 1]; returns its losses, as `vqLossNames` has them, in a tensor
   * that the next step overwrites.
   */
  step(n: number, images: Float32Array): Tensor {
    this.#images.write(images);
    this.optimizer.learningRate.value = this.#schedule(n);
    this.optimizer.advance();
    this.#number.value = n;
    this.#window.value = n < this.options.reviveUntil ? this.options.reviveAfter : 0xffffffff;
    this.#step.replay();
    return this.#step.result;
  }

  /** Gives the step's memory back. */
  dispose(): void {
    this.#step.dispose();
    this.#images.dispose();
    this.age.dispose();
  }
}

/** The losses of a forward pass, each one element; `loss` is their weighted sum. */
export function vqLosses(
  images: Tensor,
  found: VqReconstruction,
  options: VqLossOptions,
): Record<typeof vqLossNames[number], Tensor> {
  const { reconstruction: form, codebookWeight, commitmentWeight, perceptual } = options;
  const error = sub(found.images, images);
  const reconstruction = mean(form === "mse" ? square(error) : maximum(error, neg(error)));
  const { codebookLoss: codebook, commitmentLoss: commitment } = found;
  let loss = add(reconstruction, add(mul(codebook, codebookWeight), mul(commitment, commitmentWeight)));
  let distance = images.device.noGrad(() => mul(reconstruction, 0));
  if (perceptual) {
    const { extractor, weight } = perceptual;
    const featuresOf = (x: Tensor) => extractor.features(mul(add(x, 1), 0.5));
    const wanted = images.device.noGrad(() => featuresOf(images));
    distance = mean(square(sub(featuresOf(found.images), wanted)));
    loss = add(loss, mul(distance, weight));
  }
  return { loss, reconstruction, codebook, commitment, perceptual: distance };
}
