import shader from "../../shaders/conv2d.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape, type Shape, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp, type Run } from "./op.ts";
import { sumParts } from "./sum_parts.ts";

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

/** Sizes of a launch: the kernel's `Params` but for the parts of a long sum. */
type Geometry = ReturnType<typeof geometryOf>;

const pixelsPerLane = 4;
const mostTaps = 60000; // a lane may run 65,535 loop iterations
const rowsBudget = 8192;

/** The op behind {@link conv2d}. */
export const conv2dOp = defineOp({
  name: "conv2d",
  shader,
  shape([x, weight, bias]: [Tensor, Tensor] | [Tensor, Tensor, Tensor], options: Conv2dOptions) {
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
    const taps = weight.shape[2]! * weight.shape[3]!;
    const tiles = Math.ceil(weight.shape[0]! / 8) * Math.ceil(weight.shape[1]! / 4) * taps;
    return [
      dx,
      wantWeight ? sumOverRows(run, "weight_partial", x, dz, weight.shape, tiles, geometry) : null,
      wantBias ? sumOverRows(run, "bias_partial", x, dz, [weight.shape[0]!], weight.shape[0]!, geometry) : null,
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

function geometryOf(x: Shape, weight: Shape, { stride = 1, padding = 0 }: Conv2dOptions) {
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
    parts: 1,
    rows_per_part: 0,
  };
}

/** The geometry from result to image: what a window spread from is what it gathers now. */
function transposed(forward: Geometry): Geometry {
  return {
    ...forward,
    source_channels: forward.target_channels,
    source_h: forward.target_h,
    source_w: forward.target_w,
    source_stride: forward.target_stride,
    target_channels: forward.source_channels,
    target_h: forward.source_h,
    target_w: forward.source_w,
    target_stride: forward.source_stride,
    step: 1,
    tap: -1,
    divide: forward.step,
    origin_y: -forward.origin_y,
    origin_x: -forward.origin_x,
  };
}

function correlate(
  run: Run,
  source: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  target: Tensor,
  geometry: Geometry,
  relu: boolean,
): void {
  const rows = geometry.kernel_h * geometry.kernel_w * geometry.source_channels;
  const tiles = Math.ceil(geometry.target_channels / 8);
  const packed = run.empty([rows + 1, tiles * 8]);
  run.kernel("pack", {
    read: [weight, bias ?? weight],
    write: [packed],
    params: geometry,
    overrides: { BIAS: bias ? 1 : 0 },
    grid: foldGrid(Math.ceil(packed.size / 64)),
  });
  const pixels = geometry.batch * geometry.target_h * geometry.target_w;
  // A software adapter runs 8 lanes at once: small workgroups waste fewer lanes on small images.
  const WG = run.device.gpu.adapter.family === "lane" ? 8 : 64;
  run.kernel("correlate", {
    read: [source, packed],
    write: [target],
    params: geometry,
    overrides: { WG, RELU: relu ? 1 : 0 },
    grid: foldGrid(Math.ceil(pixels / (pixelsPerLane * WG)) * tiles),
    cost: { flops: 2 * rows * target.size, bytes: 4 * (source.size + weight.size + target.size) },
  });
}

function reluMask(run: Run, y: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const dz = run.empty(y.shape);
  run.kernel("relu_mask", {
    read: [y, dy],
    write: [dz],
    params: geometry,
    grid: foldGrid(Math.ceil(y.size / 64)),
    cost: { bytes: 12 * y.size },
  });
  return dz;
}

/** A gradient that sums over all rows of all images: by parts within a lane's loop budget that also fill the device. */
function sumOverRows(
  run: Run,
  entry: "weight_partial" | "bias_partial",
  x: Tensor,
  dy: Tensor,
  shape: Shape,
  lanes: number,
  geometry: Geometry,
): Tensor {
  const rows = geometry.batch * geometry.target_h;
  const mostRows = Math.max(1, Math.floor(rowsBudget / (geometry.target_w + 1)));
  const rows_per_part = Math.min(mostRows, Math.max(4, Math.ceil(rows * lanes / 4096)));
  const parts = Math.ceil(rows / rows_per_part);
  const partial = run.empty([parts, sizeOf(shape)]);
  run.kernel(entry, {
    read: [x, dy],
    write: [partial],
    params: { ...geometry, parts, rows_per_part },
    grid: foldGrid(Math.ceil(lanes * parts / 64)),
    cost: { flops: 2 * dy.size * sizeOf(shape) / geometry.target_channels, bytes: 4 * (x.size + dy.size) },
  });
  return sumParts(partial, shape);
}
