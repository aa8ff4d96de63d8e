import { Conv2d } from "../nn/conv2d.ts";
import type { Initializer } from "../nn/init.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { attention } from "../ops/attention.ts";
import { add } from "../ops/elementwise_binary.ts";
import { silu } from "../ops/elementwise_unary.ts";
import { groupNorm } from "../ops/group_norm.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/permute.ts";
import { reshape } from "../ops/reshape.ts";
import { upsampleNearest2d } from "../ops/upsample_nearest2d.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A module from one image `[B, C, H, W]` to another. */
export interface ImageLayer extends Module {
  /** The image of this layer. */
  forward(x: Tensor): Tensor;
}

const eps = 1e-6;

/** Group normalisation with weight and bias `[C]`, which begin at 1 and 0. */
export class GroupNorm implements ImageLayer {
  /** `[C]`, the gain. */
  readonly weight: Tensor;
  /** `[C]`. */
  readonly bias: Tensor;

  /** Makes the parameters. */
  constructor({ device }: Initializer, channels: number, private readonly groups: number) {
    this.weight = device.parameter(new Float32Array(channels).fill(1), [channels]);
    this.bias = device.parameter(new Float32Array(channels), [channels]);
  }

  /** `[B, C, H, W]`. @throws {RangeError} where the groups do not divide the channels. */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.weight, this.bias, this.groups, eps);
  }

  parameters(): Map<string, Tensor> {
    return new Map([["weight", this.weight], ["bias", this.bias]]);
  }
}

/** `x + conv2(silu(norm2(conv1(silu(norm1(x))))))`, with a 1x1 convolution of x where the channels change. */
export class ResnetBlock implements ImageLayer {
  readonly #parts: Record<"norm1" | "norm2", GroupNorm> & Record<"conv1" | "conv2", Conv2d>;
  readonly #shortcut: Conv2d | null;

  /** Draws the first values. */
  constructor(init: Initializer, inputs: number, outputs: number, groups: number) {
    this.#parts = {
      norm1: new GroupNorm(init, inputs, groups),
      conv1: new Conv2d(init, inputs, outputs, 3, { padding: 1 }),
      norm2: new GroupNorm(init, outputs, groups),
      conv2: new Conv2d(init, outputs, outputs, 3, { padding: 1 }),
    };
    this.#shortcut = inputs === outputs ? null : new Conv2d(init, inputs, outputs, 1);
  }

  /** `[B, inputs, H, W] -> [B, outputs, H, W]`. */
  forward(x: Tensor): Tensor {
    const { norm1, conv1, norm2, conv2 } = this.#parts;
    const hidden = conv1.forward(silu(norm1.forward(x)));
    const change = conv2.forward(silu(norm2.forward(hidden)));
    return add(this.#shortcut ? this.#shortcut.forward(x) : x, change);
  }

  /** `norm1.weight`, ..., `conv2.bias` and, where the channels change, `nin_shortcut.weight` and `.bias`. */
  parameters(): Map<string, Tensor> {
    return nestParameters(this.#shortcut ? { ...this.#parts, nin_shortcut: this.#shortcut } : { ...this.#parts });
  }
}

type Projection = "q" | "k" | "v" | "proj_out";

/** `x + proj_out(attention(q, k, v))` over the pixels of `norm(x)`, one head of all channels. */
export class AttnBlock implements ImageLayer {
  readonly #norm: GroupNorm;
  readonly #linear: Record<Projection, Conv2d>;

  /** Draws the first values. */
  constructor(init: Initializer, private readonly channels: number, groups: number) {
    const pointwise = () => new Conv2d(init, channels, channels, 1);
    this.#norm = new GroupNorm(init, channels, groups);
    this.#linear = { q: pointwise(), k: pointwise(), v: pointwise(), proj_out: pointwise() };
  }

  /** `[B, C, H, W]`, any H and W. */
  forward(x: Tensor): Tensor {
    const [batch, channels, h, w] = x.shape as [number, number, number, number];
    // 1x1 convolutions are products with [pixels, C]: one permutation in and one out instead of one for each of four.
    const pixels = permute(reshape(this.#norm.forward(x), [batch, channels, h * w]), [0, 2, 1]);
    const project = (part: Projection, from: Tensor) => {
      const { weight, bias } = this.#linear[part];
      return matmul(from, reshape(weight, [this.channels, this.channels]), { layout: "nt", bias });
    };
    const [q, k, v] = (["q", "k", "v"] as const).map((part) =>
      reshape(project(part, pixels), [batch, 1, h * w, channels])
    );
    const seen = reshape(attention(q!, k!, v!), [batch, h * w, channels]);
    return add(x, reshape(permute(project("proj_out", seen), [0, 2, 1]), x.shape));
  }

  /** `norm.weight`, `norm.bias`, `q.weight`, ..., `proj_out.bias`. */
  parameters(): Map<string, Tensor> {
    return nestParameters({ norm: this.#norm, ...this.#linear });
  }
}

/** Halves an image: a row and a column of zeros below and to the right, then a 3x3 convolution of stride 2. */
export class Downsample implements ImageLayer {
  readonly #conv: Conv2d;

  /** Draws the first values. */
  constructor(init: Initializer, channels: number) {
    const padding = { top: 0, left: 0, bottom: 1, right: 1 };
    this.#conv = new Conv2d(init, channels, channels, 3, { stride: 2, padding });
  }

  /** `[B, C, H, W] -> [B, C, H / 2, W / 2]`. */
  forward(x: Tensor): Tensor {
    return this.#conv.forward(x);
  }

  /** `conv.weight` and `conv.bias`. */
  parameters(): Map<string, Tensor> {
    return nestParameters({ conv: this.#conv });
  }
}

/** Doubles an image by repeating pixels, then a 3x3 convolution. */
export class Upsample implements ImageLayer {
  readonly #conv: Conv2d;

  /** Draws the first values. */
  constructor(init: Initializer, channels: number) {
    this.#conv = new Conv2d(init, channels, channels, 3, { padding: 1 });
  }

  /** `[B, C, H, W] -> [B, C, 2 H, 2 W]`. */
  forward(x: Tensor): Tensor {
    return this.#conv.forward(upsampleNearest2d(x));
  }

  /** `conv.weight` and `conv.bias`. */
  parameters(): Map<string, Tensor> {
    return nestParameters({ conv: this.#conv });
  }
}
