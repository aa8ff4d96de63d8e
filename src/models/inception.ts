import { naming } from "../error.ts";
import { checkWeights, type WeightSource } from "../nn/module.ts";
import { conv2d } from "../ops/conv2d.ts";
import { matmul } from "../ops/matmul.ts";
import { maxPool2d } from "../ops/max_pool2d.ts";
import { mean } from "../ops/reduce.ts";
import { softmax } from "../ops/softmax.ts";
import type { Device } from "../tensor/device.ts";
import { requireRank } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mixedBlock } from "./inception_blocks.ts";
import {
  type ConvolutionSizes,
  inceptionClasses,
  inceptionConvolutions,
  inceptionFeatures,
  inceptionShapes,
  mixedBlocks,
} from "./inception_layout.ts";
import { foldBatchNorm } from "./inception_norm.ts";
import { inceptionSize, resizeForInception } from "./inception_resize.ts";

interface Convolution extends ConvolutionSizes {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

const halving = { kernel: 3, stride: 2 };

/**
 * The Inception-v3 with which FID and Inception score are defined (Szegedy et al. 2015, arXiv 1512.00567; its weights
 * are those of the TensorFlow network of 2015-12-05, in the layout of pytorch-fid), for inference: batch norm is folded
 * into the convolutions.
 */
export class Inception {
  readonly #convolutions: ReadonlyMap<string, Convolution>;
  readonly #head: Tensor;

  private constructor(private readonly device: Device, convolutions: ReadonlyMap<string, Convolution>, head: Tensor) {
    this.#convolutions = convolutions;
    this.#head = head;
  }

  /**
   * The network of a weight file, such as `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid's releases. Tensors are
   * read one at a time; counters `num_batches_tracked` are passed over.
   *
   * @param file names it in errors.
   * @throws {UserError} where names are missing or unknown or shapes or types differ, all of them in one line.
   */
  static async load(device: Device, source: WeightSource, file: string): Promise<Inception> {
    try {
      checkWeights(inceptionShapes(), source.entries, { ignore: (name) => name.endsWith(".num_batches_tracked") });
      const read = async (name: string) => (await source.read(name)).data as Float32Array;
      const convolutions = new Map<string, Convolution>();
      for (const [name, sizes] of inceptionConvolutions()) {
        const { weight, bias } = foldBatchNorm(await read(`${name}.conv.weight`), {
          scale: await read(`${name}.bn.weight`),
          shift: await read(`${name}.bn.bias`),
          mean: await read(`${name}.bn.running_mean`),
          variance: await read(`${name}.bn.running_var`),
        });
        convolutions.set(name, {
          ...sizes,
          weight: lasting(device, weight, [sizes.outputs, sizes.inputs, ...sizes.window]),
          bias: lasting(device, bias, [sizes.outputs]),
        });
      }
      const head = lasting(device, await read("fc.weight"), [inceptionClasses, inceptionFeatures]);
      return new Inception(device, convolutions, head);
    } catch (cause) {
      throw naming(file, cause);
    }
  }

  /**
   * Features `[B, 2048]` of pictures `[B, 3, H, W]` with values in [0, 1] of any size: resized to 299x299 and moved to
   * [-1, 1] first, as pytorch-fid does.
   *
   * @throws {RangeError} for another shape.
   */
  features(pictures: Tensor): Tensor {
    return this.featuresAtSize(resizeForInception(pictures, inceptionSize));
  }

  /** {@link features} of pictures with values in [-1, 1] as they are, at least 75x75. */
  featuresAtSize(x: Tensor): Tensor {
    requireRank("inception", "pictures", x.shape, 4);
    const pool = (y: Tensor) => maxPool2d(y, halving);
    const stem = (...names: string[]) => names.map((name) => (y: Tensor) => this.convolve(name, y));
    const layers = [
      ...[...stem("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"), pool],
      ...[...stem("Conv2d_3b_1x1", "Conv2d_4a_3x3"), pool],
      ...Object.keys(mixedBlocks).map((name) => (y: Tensor) => this.mixed(name, y)),
      (y: Tensor) => mean(y, [2, 3]),
    ];
    return this.device.noGrad(() =>
      layers.reduce((y, layer) => {
        // What a layer leaves behind would add up to 100 MB a picture.
        using step = this.device.scope();
        const next = step.keep(layer(y));
        if (y !== x) y.dispose();
        return next;
      }, x)
    );
  }

  /** Convolution, batch norm and ReLU of that name, such as `Conv2d_1a_3x3`. */
  convolve(name: string, x: Tensor): Tensor {
    const { weight, bias, stride = 1, padding: [rows, columns] = [0, 0] } = this.#convolutions.get(name)!;
    const padding = { top: rows, left: columns, bottom: rows, right: columns };
    return conv2d(x, weight, bias, { stride, padding, relu: true });
  }

  /** The mixed block of that name, such as `Mixed_5b`. */
  mixed(name: string, x: Tensor): Tensor {
    return mixedBlock(mixedBlocks[name]!, x, (branch, y) => this.convolve(`${name}.${branch}`, y));
  }

  /**
   * Class probabilities `[B, 1008]` of features, for the Inception score: softmax of `fc.weight features`, without the
   * bias, as the code of Salimans et al. 2016 and every published score.
   */
  probabilities(features: Tensor): Tensor {
    return this.device.noGrad(() => softmax(matmul(features, this.#head, { layout: "nt" })));
  }
}

/** A tensor that outlives every scope. */
function lasting(device: Device, data: Float32Array, shape: readonly number[]): Tensor {
  return device.persistent(() => device.tensor(data, shape));
}
