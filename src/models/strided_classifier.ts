import { Conv2d } from "../nn/conv2d.ts";
import { heGain, type Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { nestParameters } from "../nn/module.ts";
import { gelu } from "../ops/elementwise_unary.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Judge, pixelGain } from "./judge.ts";

/** Channels of the third convolution. */
const channels = 64;

/**
 * Judge B of 28x28 digits, held out of every reward: a 5x5 and two 3x3 convolutions of 32, 64 and 64 channels that halve
 * the image by their stride, a hidden layer of 128, GELU throughout, ten classes. It shares neither pooling, ReLU,
 * depth, window nor seed with judge A, so that a picture which fools A by its architecture does not fool B. 188,746
 * parameters at 28x28 pixels; its 128 features see the whole image.
 */
export class StridedClassifier extends Judge {
  /** `[32, 1, 5, 5]`, stride 2. */
  readonly conv1: Conv2d;
  /** `[64, 32, 3, 3]`, stride 2. */
  readonly conv2: Conv2d;
  /** `[64, 64, 3, 3]`, stride 2. */
  readonly conv3: Conv2d;
  /** 64 (S / 8)^2, rounded up, to 128: 1,024 inputs at 28x28 pixels. */
  readonly fc1: Linear;
  /** 128 to the classes. */
  readonly fc2: Linear;

  /**
   * Draws the first values.
   *
   * @param size S, height and width of the images in pixels.
   */
  constructor(init: Initializer, classes = 10, size = 28) {
    super(size);
    this.conv1 = new Conv2d(init, 1, 32, 5, { stride: 2, padding: 2 }, pixelGain * heGain);
    this.conv2 = new Conv2d(init, 32, 64, 3, { stride: 2, padding: 1 }, heGain);
    this.conv3 = new Conv2d(init, 64, channels, 3, { stride: 2, padding: 1 }, heGain);
    this.fc1 = new Linear(init, channels * Math.ceil(size / 8) ** 2, 128, heGain);
    this.fc2 = new Linear(init, 128, classes);
  }

  /** `fc2`. */
  protected get head(): Linear {
    return this.fc2;
  }

  /** Images `[B, 1, S, S]` to `[B, 128]`. */
  features(images: Tensor): Tensor {
    const seen = [this.conv1, this.conv2, this.conv3].reduce((x, conv) => gelu(conv.forward(x)), images);
    return gelu(this.fc1.forward(reshape(seen, [images.shape[0]!, this.fc1.weight.shape[1]!])));
  }

  /** `conv1.weight`, `conv1.bias`, ..., `fc2.bias`. */
  parameters(): Map<string, Tensor> {
    const { conv1, conv2, conv3, fc1, fc2 } = this;
    return nestParameters({ conv1, conv2, conv3, fc1, fc2 });
  }
}
