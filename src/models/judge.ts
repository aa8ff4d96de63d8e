import type { Linear } from "../nn/linear.ts";
import type { Module } from "../nn/module.ts";
import { softmax } from "../ops/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Factor on the first layer's first weights: root mean square of a digit's pixels is about 1/4, so the first activations
 * then have the scale that later layers expect. Without it and `heGain` the same accuracy takes three times the epochs.
 */
export const pixelGain = 4;

/** A classifier of square grey digits: images `[B, 1, S, S]` with values in [0, 1], classes 0 to 9. */
export abstract class Judge implements Module {
  /** Notes what it sees. */
  constructor(
    /** S, height and width of the images in pixels. */
    readonly size = 8,
  ) {}

  /** The last layer, from features to logits. */
  protected abstract readonly head: Linear;

  abstract parameters(): Map<string, Tensor>;

  /** What the last layer sees, `[B, F]`: the space in which Frechet distances are measured. */
  abstract features(images: Tensor): Tensor;

  /** Logits `[B, 10]` of features. */
  classify(features: Tensor): Tensor {
    return this.head.forward(features);
  }

  /** Logits `[B, 10]` of images. */
  logits(images: Tensor): Tensor {
    return this.classify(this.features(images));
  }

  /** Probabilities `[B, 10]` of the classes. */
  probabilities(images: Tensor): Tensor {
    return softmax(this.logits(images));
  }
}
