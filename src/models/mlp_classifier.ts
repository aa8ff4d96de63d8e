import { heGain, type Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { nestParameters } from "../nn/module.ts";
import { gelu } from "../ops/elementwise_unary.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Judge, pixelGain } from "./judge.ts";

/**
 * Judge B, held out of every reward: fully connected layers of 512, 256 and 64 with GELU, ten classes. It shares
 * neither convolutions, pooling, ReLU, widths nor seed with judge A, so that a picture which fools A by its architecture
 * does not fool B. 181,706 parameters, 64 features.
 */
export class MlpClassifier extends Judge {
  /** 64 to 512. */
  readonly fc1: Linear;
  /** 512 to 256. */
  readonly fc2: Linear;
  /** 256 to 64. */
  readonly fc3: Linear;
  /** 64 to 10. */
  readonly fc4: Linear;

  /** Draws the first values. */
  constructor(init: Initializer) {
    super();
    this.fc1 = new Linear(init, 64, 512, pixelGain * heGain);
    this.fc2 = new Linear(init, 512, 256, heGain);
    this.fc3 = new Linear(init, 256, 64, heGain);
    this.fc4 = new Linear(init, 64, 10);
  }

  /** `fc4`. */
  protected get head(): Linear {
    return this.fc4;
  }

  /** Images `[B, 1, 8, 8]` to `[B, 64]`. */
  features(images: Tensor): Tensor {
    const pixels = reshape(images, [images.shape[0]!, 64]);
    return gelu(this.fc3.forward(gelu(this.fc2.forward(gelu(this.fc1.forward(pixels))))));
  }

  /** `fc1.weight`, `fc1.bias`, ..., `fc4.bias`. */
  parameters(): Map<string, Tensor> {
    const { fc1, fc2, fc3, fc4 } = this;
    return nestParameters({ fc1, fc2, fc3, fc4 });
  }
}
