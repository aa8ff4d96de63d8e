import shader from "../../shaders/conv2d.wgsl" with { type: "text" };
import { requireRank, requireShape, type Shape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { biasGradient, correlate, type Geometry, reluMask, transposed, weightGradient } from "./conv2d_kernels.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Zeros around an image, in pixels. */
export interface Padding {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** How a convolution moves over its image. */
export interface Conv2dOptions {
  /** Pixels between neighbouring windows; default 1. */
  readonly stride?: number;
  /** Zeros on every side, or on each; default 0. */
  readonly padding?: number | Padding;
  /** Applies `max(y, 0)` in the same kernel; default false. */
  readonly relu?: boolean;
}

const mostTaps = 60000; // a lane may run 65,535 loop iterations

/** The op behind {@link conv2d}. */
export const conv2dOp = defineOp({
  name: "conv2d",
  shader,
  shape([x, weight, bias]: [Tensor, Tensor] | [Tensor, Tensor, Tensor], options: Conv2dOptions) {
    for (const tensor of [x, weight, ...(bias ? [bias] : [])]) requireDType("conv2d", "every input", tensor, "f32");
    requireRank("conv2d", "x", x.shape, 4);
    requireRank("conv2d", "weight", weight.shape, 4);
    if (bias) requireShape("conv2d", "bias", bias.shape, [weight.shape[0]!]);
    return geometryOf(x.shape, weight.shape, options);
  },
  forward(run, [x, weight, bias], { relu = false }, geometry) {
    const { batch, target_channels, target_h, target_w } = geometry;
    const y = run.empty([batch, target_channels, target_h, target_w]);
    correlate(run, x, weight, bias, y, geometry, relu);
    return { out: y, saved: { x, weight, y, geometry } };
  },
  backward(run, { x, weight, y, geometry }, dy, [wantX, wantWeight, wantBias], { relu = false }) {
    const dz = relu ? reluMask(run, y, dy, geometry) : dy;
    let dx: Tensor | null = null;
    if (wantX) {
      dx = run.empty(x.shape);
      correlate(run, dz, weight, undefined, dx, transposed(geometry), false);
    }
    return [
      dx,
      wantWeight ? weightGradient(run, x, dz, weight.shape, geometry) : null,
      wantBias ? biasGradient(run, x, dz, geometry) : null,
    ];
  },
});

/**
 * Two-dimensional convolution (cross-correlation, as PyTorch's `conv2d`): x `[B, C, H, W]`, weight `[O, C, KH, KW]`,
 * bias `[O]` or null, to `[B, O, YH, YW]` with `YH = floor((H + top + bottom - KH) / stride) + 1`, and YW alike.
 *
 * Forward `y[b,o,i,j] = bias[o] + sum_{c,k,l} x[b, c, i S + k - top, j S + l - left] w[o,c,k,l]`; backward by x is the
 * same sum with the roles of image and result exchanged, by weight and bias a sum over all windows in fixed order.
 *
 * @throws {RangeError} for shapes that do not fit, a window larger than the padded image, a stride below 1, a negative
 * padding, and weights with more than 60,000 taps per output.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions = {}): Tensor {
  return conv2dOp(bias ? [x, weight, bias] : [x, weight], options);
}

function geometryOf(x: Shape, weight: Shape, { stride = 1, padding = 0 }: Conv2dOptions): Geometry {
  const [batch, channels, h, w] = x as [number, number, number, number];
  const [outputs, inputs, kernelH, kernelW] = weight as [number, number, number, number];
  const show = `Cannot convolve ${showShape(x)} with ${showShape(weight)}`;
  if (channels !== inputs) {
    throw new RangeError(`${show}: channels must match the weight's second size, got ${channels} and ${inputs}`);
  }
  if (!Number.isInteger(stride) || stride < 1) {
    throw new RangeError(`${show}: stride must be a positive integer, got ${stride}`);
  }
  const sides = typeof padding === "number"
    ? { top: padding, left: padding, bottom: padding, right: padding }
    : padding;
  const { top, left, bottom, right } = sides;
  if ([top, left, bottom, right].some((side) => !Number.isInteger(side) || side < 0)) {
    throw new RangeError(`${show}: padding must be integers of at least 0, got ${JSON.stringify(padding)}`);
  }
  const spareH = h + top + bottom - kernelH, spareW = w + left + right - kernelW;
  if (spareH < 0 || spareW < 0) {
    throw new RangeError(
      `${show}: the window [${kernelH}, ${kernelW}] must fit the padded image ` +
        `[${h + top + bottom}, ${w + left + right}]; add padding`,
    );
  }
  const taps = kernelH * kernelW;
  if (taps * Math.max(inputs, outputs) > mostTaps) {
    throw new RangeError(
      `${show}: at most ${mostTaps} taps (channels x window) are supported, got ${taps * Math.max(inputs, outputs)}; ` +
        "split the channels",
    );
  }
  return {
    batch,
    source_channels: channels,
    source_h: h,
    source_w: w,
    source_stride: taps,
    target_channels: outputs,
    target_h: Math.floor(spareH / stride) + 1,
    target_w: Math.floor(spareW / stride) + 1,
    target_stride: taps * channels,
    kernel_h: kernelH,
    kernel_w: kernelW,
    step: stride,
    tap: 1,
    divide: 1,
    origin_y: -top,
    origin_x: -left,
  };
}
