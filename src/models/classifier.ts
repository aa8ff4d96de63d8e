import { Conv2d } from "../nn/conv2d.ts";
import { heGain, type Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { nestParameters } from "../nn/module.ts";
import { maxPool2d } from "../ops/max_pool2d.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Judge, pixelGain } from "./judge.ts";

/**
 * Judge A, the classifier of the reward: two 3x3 convolutions of 32 and 64 channels, each with ReLU and 2x2 max
 * pooling, a hidden layer of 128 and ten classes. 53,002 parameters at 8x8 pixels, 421,642 at 28x28.
 */
export class Classifier extends Judge {
  /** `[32, 1, 3, 3]`. */
  readonly conv1: Conv2d;
  /** `[64, 32, 3, 3]`. */
  readonly conv2: Conv2d;
  /** 64 (S / 4)^2 to 128: 256 inputs at 8x8 pixels, 3,136 at 28x28. */
  readonly fc1: Linear;
  /** 128 to the classes. */
  readonly fc2: Linear;

  /**
   * Draws the first values.
   *
   * @param size S, height and width of the images in pixels.
   * @throws {RangeError} for a size that two poolings do not divide.
   */
  constructor(init: Initializer, classes = 10, size = 8) {
    super(size);
    if (!(size > 0 && size % 4 === 0)) {
      throw new RangeError(`Cannot pool images of ${size} pixels twice: wanted a multiple of 4`);
    }
    this.conv1 = new Conv2d(init, 1, 32, 3, { padding: 1, relu: true }, pixelGain * heGain);
    this.conv2 = new Conv2d(init, 32, 64, 3, { padding: 1, relu: true }, heGain);
    this.fc1 = new Linear(init, 64 * (size / 4) ** 2, 128, heGain);
    this.fc2 = new Linear(init, 128, classes);
  }

  /** `fc2`. */
  protected get head(): Linear {
    return this.fc2;
  }

  /** Images `[B, 1, S, S]` to `[B, 128]`. */
  features(images: Tensor): Tensor {
    const halved = maxPool2d(this.conv1.forward(images));
    const quartered = maxPool2d(this.conv2.forward(halved));
    return this.fc1.forward(reshape(quartered, [images.shape[0]!, this.fc1.weight.shape[1]!]), "relu");
  }

  /** `conv1.weight`, `conv1.bias`, ..., `fc2.bias`. */
  parameters(): Map<string, Tensor> {
    const { conv1, conv2, fc1, fc2 } = this;
    return nestParameters({ conv1, conv2, fc1, fc2 });
  }
}
