import { Shuffler } from "../data/pixel_sequences.ts";
import { Discriminator } from "../models/discriminator.ts";
import { Initializer } from "../nn/init.ts";
import { loadParameters } from "../nn/module.ts";
import { concat } from "../ops/concat.ts";
import { add, mul, sub } from "../ops/elementwise_binary.ts";
import { sigmoid } from "../ops/elementwise_unary.ts";
import { logsumexp, mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { AdamW } from "../optim/adamw.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { requireShape } from "../tensor/shape.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AdaptiveReward, PaintedImages, Reward } from "./reward.ts";

/** Real images with their classes; digits are such. */
export interface RealImages {
  /** `[count, C, size, size]`. */
  readonly images: Uint8Array;
  /** `[count]`, classes from 0 up. */
  readonly labels: ArrayLike<number>;
  /** Height and width in pixels, a multiple of 4. */
  readonly size: number;
  /** Number of images. */
  readonly count: number;
  /** C; default 1, grey. */
  readonly channels?: number;
}

/** Settings of a {@link DiscriminatorReward}. */
export interface DiscriminatorOptions {
  /** Of first weights and of the order of the real images, u32. */
  readonly seed: number;
  /** Default 10. */
  readonly classes?: number;
  /** Real images in an update; default 64. */
  readonly batch?: number;
  /** Default 4e-4. */
  readonly learningRate?: number;
  /** What the target of real images lacks of 1 (Salimans et al. 2016, arXiv 1606.03498); default 0.1. */
  readonly smoothing?: number;
}

/** What the network made of an update's images, before its step. */
export interface DiscriminatorView {
  /** Binary cross-entropy, smoothed: 0.69 where it knows nothing, 0.16 where all are told apart. */
  readonly loss: number;
  /** Mean probability that real images are real. */
  readonly real: number;
  /** Mean probability that painted ones are: the mean reward. */
  readonly painted: number;
}

/**
 * Realism as a network sees it that learns, beside the policy, to tell its pictures from real ones: the reward is the
 * network's probability that a picture is a real one of its class. A fixed judge's blind spots can be painted into; this
 * one learns of them. (As AdaNAT, Ni et al. 2024, arXiv 2409.00342, found necessary.)
 *
 * Every update takes one step of AdamW on the policy's pictures, target 0, and as real ones, target 0.9: the blunted
 * target keeps the network from being sure of itself, on the side where that would only make rewards flat. Rewards are
 * of the network before the step, so they come first in what is recorded.
 */
export class DiscriminatorReward implements Reward {
  /** Name in the metrics. */
  readonly name = "realism";
  readonly adaptive: AdaptiveReward;
  readonly #network: Discriminator;
  readonly #trainer: DiscriminatorTraining;

  /**
   * Draws the network and makes room for the real images of an update.
   *
   * @throws {UserError} for fewer real images than those of an update, and {RangeError} for a size that is no multiple
   * of 4.
   */
  constructor(device: Device, real: RealImages, options: DiscriminatorOptions) {
    const { size, channels = 1 } = real;
    this.#network = new Discriminator(new Initializer(device, options.seed), {
      size,
      channels,
      classes: options.classes ?? 10,
    });
    this.adaptive = this.#trainer = new DiscriminatorTraining(device, this.#network, real, options);
  }

  /** What the network made of the last update's images; null before the first. */
  get view(): DiscriminatorView | null {
    return this.#trainer.view;
  }

  /**
   * Rewards in [0, 1], `[N]`.
   *
   * @throws {RangeError} for images of another shape than the real ones'.
   */
  score({ images, classes }: PaintedImages): Tensor {
    const { channels, size } = this.#network.config;
    requireShape("realism", "images", images.shape, [images.shape[0]!, channels, size, size]);
    return images.device.noGrad(() => sigmoid(this.#network.logits(images, classes)));
  }
}

/** The training beside the policy's. */
class DiscriminatorTraining implements AdaptiveReward {
  view: DiscriminatorView | null = null;
  readonly #parameters: readonly Tensor[];
  readonly #optimizer: AdamW;
  readonly #shuffler: Shuffler;
  readonly #images: Tensor;
  readonly #classes: Tensor;
  readonly #batch: number;
  readonly #target: number;

  constructor(
    private readonly device: Device,
    private readonly network: Discriminator,
    private readonly real: RealImages,
    options: DiscriminatorOptions,
  ) {
    const { seed, batch = 64, learningRate = 4e-4, smoothing = 0.1 } = options;
    const { channels, size } = network.config;
    this.#batch = batch;
    this.#target = 1 - smoothing;
    this.#shuffler = new Shuffler(real.count, batch, seed);
    this.#parameters = [...network.parameters().values()];
    // A network that chases a moving policy forgets old gradients early.
    this.#optimizer = new AdamW(device, this.#parameters, { betas: [0.5, 0.99], weightDecay: 0.02, maxGradNorm: 1 });
    this.#optimizer.learningRate.value = learningRate;
    this.#images = device.persistent(() => device.zeros([batch, channels, size, size]));
    this.#classes = device.persistent(() => device.zeros([batch], "i32"));
  }

  /** The real images of update n. */
  prepare(n: number): void {
    const { real: { images, labels } } = this;
    const area = this.#images.size / this.#batch;
    const chosen = this.#shuffler.batch(n);
    const pixels = new Float32Array(this.#images.size);
    chosen.forEach((from, to) => {
      for (let i = 0; i < area; i++) pixels[to * area + i] = images[from * area + i]! / 255;
    });
    this.#images.write(pixels);
    this.#classes.write(Int32Array.from(chosen, (from) => labels[from]!));
    this.#optimizer.advance();
  }

  /** One step; `[3]`, what {@link DiscriminatorView} says. */
  observe({ images, classes }: PaintedImages): Tensor {
    const { device } = this, batch = this.#batch, count = images.shape[0]!;
    return withGradients(device, () => {
      const logits = this.network.logits(
        concat([this.#images, images.detach()], 0),
        concat([this.#classes, classes], 0),
      );
      const [real, painted] = [slice(logits, 0, 0, batch), slice(logits, 0, batch, batch + count)];
      const loss = mul(add(crossEntropyOf(real, this.#target), crossEntropyOf(painted, 0)), 0.5);
      const means = [loss, mean(sigmoid(real)), mean(sigmoid(painted))];
      this.#optimizer.step(gradients(loss, this.#parameters));
      return concat(means.map((value) => reshape(value.detach(), [1])), 0);
    });
  }

  adapt([loss, real, painted]: Float32Array): void {
    this.view = { loss: loss!, real: real!, painted: painted! };
  }

  /** The last update's view; nothing before the first. */
  metrics(): Record<string, number> {
    if (!this.view) return {};
    const { loss, real, painted } = this.view;
    return { discriminator_loss: loss, discriminator_real: real, discriminator_painted: painted };
  }

  /** `network.<parameter>` and `optimizer.<moment>`. */
  state(): Map<string, Tensor> {
    return new Map([
      ...[...this.network.parameters()].map(([name, tensor]) => [`network.${name}`, tensor] as const),
      ...[...this.#optimizer.state()].map(([name, tensor]) => [`optimizer.${name}`, tensor] as const),
    ]);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    const under = (prefix: string) =>
      new Map(
        [...tensors].flatMap(([name, tensor]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : []
        ),
      );
    loadParameters(this.network, under("network."));
    this.#optimizer.restore(under("optimizer."));
  }
}

/** Mean of `log(1 + e^l) - t l`, the binary cross-entropy of logits l `[N]` against one target t. */
function crossEntropyOf(logits: Tensor, target: number): Tensor {
  const column = reshape(logits, [logits.size, 1]);
  const softplus = logsumexp(concat([column, column.device.zeros(column.shape)], 1), 1);
  return mean(sub(softplus, mul(logits, target)));
}

/** Trainers record rewards without gradients; a reward that learns needs its own. */
function withGradients<T>(device: Device, body: () => T): T {
  const before = device.gradEnabled;
  device.gradEnabled = true;
  try {
    return body();
  } finally {
    device.gradEnabled = before;
  }
}
