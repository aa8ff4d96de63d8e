import type { Device } from "../tensor/device.ts";
import { philox, unitFloat } from "../tensor/philox.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Turns PyTorch's default bound `1 / sqrt(in)` into `sqrt(6 / in)`, which keeps the scale of activations through layers
 * with ReLU (He et al. 2015, arXiv 1502.01852).
 */
export const heGain: number = Math.sqrt(6);

/**
 * Makes parameters with random first values. The numbers come from Philox on the host under the key `(seed, n)` of the
 * n-th parameter made, so equal seeds give equal bits on any adapter as long as the order of construction is the same.
 */
export class Initializer {
  #made = 0;

  /**
   * Starts at parameter 0.
   *
   * @param seed u32.
   */
  constructor(readonly device: Device, readonly seed: number) {}

  /** Uniform in (-bound, bound). */
  uniform(shape: Shape, bound: number): Tensor {
    return this.#parameter(shape, ([a, b, c, d]) => [a, b, c, d].map((u) => (2 * u - 1) * bound));
  }

  /** Normal with mean 0 (Box-Muller). */
  normal(shape: Shape, deviation = 1): Tensor {
    return this.#parameter(shape, ([a, b, c, d]) => [...boxMuller(a, b), ...boxMuller(c, d)].map((z) => z * deviation));
  }

  /** Ones: the gain of a norm. Counts as a parameter made. */
  ones(shape: Shape): Tensor {
    this.#made++;
    return this.device.parameter(new Float32Array(sizeOf(shape)).fill(1), shape);
  }

  #parameter(shape: Shape, four: (uniforms: [number, number, number, number]) => number[]): Tensor {
    const data = new Float32Array(sizeOf(shape));
    const stream = this.#made++;
    for (let at = 0; at < data.length; at += 4) {
      const [a, b, c, d] = philox([at / 4, 0, 0, 0], [this.seed, stream]);
      const values = four([unitFloat(a), unitFloat(b), unitFloat(c), unitFloat(d)]);
      data.set(values.slice(0, data.length - at), at);
    }
    return this.device.parameter(data, shape);
  }
}

/** Draws nothing: for parameters that weights overwrite at once. */
export class BlankInitializer extends Initializer {
  /** For one model or several. */
  constructor(device: Device) {
    super(device, 0);
  }

  /** Undefined values. */
  override uniform(shape: Shape): Tensor {
    return this.#blank(shape);
  }

  /** Undefined values. */
  override normal(shape: Shape): Tensor {
    return this.#blank(shape);
  }

  #blank(shape: Shape): Tensor {
    const tensor = this.device.persistent(() => this.device.empty(shape));
    tensor.requiresGrad = true;
    return tensor;
  }
}

function boxMuller(u: number, v: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(u)), angle = 2 * Math.PI * v;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
