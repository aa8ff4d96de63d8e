import { Conv2d } from "../nn/conv2d.ts";
import { Embedding } from "../nn/embedding.ts";
import { heGain, type Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { gelu } from "../ops/elementwise_unary.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a {@link Discriminator} looks at. */
export interface DiscriminatorConfig {
  /** C, 1 for grey and 3 for RGB. */
  readonly channels: number;
  /** S, height and width in pixels, a multiple of 4. */
  readonly size: number;
  /** Classes an image may be meant to show. */
  readonly classes: number;
}

/** Channels of the first convolution, and of the others. */
const firstChannels = 32, channels = 64;
/** F. */
const features = 128;
/** Side of the map at which halving ends. */
const smallestMap = 4;

/**
 * Tells real images from painted ones: 3x3 convolutions of 32, 64, 64, .. channels that halve the image by their stride,
 * twice and on until no more than 4x4 is left, a layer of 128 features h, GELU throughout, and one logit that knows the
 * class y the image should show, by projection (Miyato and Koyama 2018, arXiv 1802.05637): `logit = v h + b + e_y h`.
 */
export class Discriminator implements Module {
  /** `[32, C, 3, 3]`, `[64, 32, 3, 3]`, ..., stride 2. */
  readonly convolutions: readonly Conv2d[];
  /** From the last map to the features. */
  readonly hidden: Linear;
  /** v and b, zero at first as e is: a network that knows nothing yet finds all images equally real. */
  readonly head: Linear;
  /** e, `[classes, 128]`. */
  readonly projection: Embedding;

  /**
   * Draws the first values.
   *
   * @throws {RangeError} for a size that is not a multiple of 4.
   */
  constructor(init: Initializer, readonly config: DiscriminatorConfig) {
    const { size, classes } = config;
    if (!(Number.isInteger(size) && size > 0 && size % 4 === 0)) {
      throw new RangeError(`Cannot make a discriminator of ${size}x${size} pixels: wanted a multiple of 4`);
    }
    const convolutions: Conv2d[] = [];
    let side = size, inputs = config.channels;
    for (let outputs = firstChannels; convolutions.length < 2 || side > smallestMap; outputs = channels) {
      convolutions.push(new Conv2d(init, inputs, outputs, 3, { stride: 2, padding: 1 }, heGain));
      inputs = outputs;
      side = Math.ceil(side / 2);
    }
    this.convolutions = convolutions;
    this.hidden = new Linear(init, inputs * side ** 2, features, heGain);
    this.head = new Linear(init, features, 1);
    for (const tensor of this.head.parameters().values()) tensor.write(new Float32Array(tensor.size));
    this.projection = new Embedding(init, classes, features, 0);
  }

  /**
   * How real images look, `[B]`: the logarithm of the odds.
   *
   * @param images `[B, C, S, S]`, values in [0, 1].
   * @param classes i32 `[B]`.
   */
  logits(images: Tensor, classes: Tensor): Tensor {
    const count = images.shape[0]!;
    const map = this.convolutions.reduce((x, conv) => gelu(conv.forward(x)), add(mul(images, 2), -1));
    const h = gelu(this.hidden.forward(reshape(map, [count, this.hidden.weight.shape[1]!])));
    return add(reshape(this.head.forward(h), [count]), sum(mul(this.projection.forward(classes), h), 1));
  }

  /** `conv0.weight`, `conv0.bias`, ..., `hidden.weight`, ..., `projection.weight`. */
  parameters(): Map<string, Tensor> {
    const { hidden, head, projection } = this;
    const convolutions = Object.fromEntries(this.convolutions.map((conv, i) => [`conv${i}`, conv]));
    return nestParameters({ ...convolutions, hidden, head, projection });
  }
}
