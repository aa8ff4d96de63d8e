import { type Shape, showShape } from "../tensor/shape.ts";

/** Zeros around an image, in pixels. */
export interface Padding {
  /** Rows above. */
  readonly top: number;
  /** Columns to the left. */
  readonly left: number;
  /** Rows below. */
  readonly bottom: number;
  /** Columns to the right. */
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

/** Sizes and steps of a convolution: `Params` of conv2d.wgsl, but for the parts of a long sum. */
export interface Geometry {
  readonly batch: number;
  readonly source_channels: number;
  readonly source_h: number;
  readonly source_w: number;
  readonly source_stride: number;
  readonly target_channels: number;
  readonly target_h: number;
  readonly target_w: number;
  readonly target_stride: number;
  readonly kernel_h: number;
  readonly kernel_w: number;
  readonly step: number;
  readonly tap: number;
  readonly divide: number;
  readonly origin_y: number;
  readonly origin_x: number;
}

/** How a sum over the rows `[B, YH]` is cut. */
export interface Parts {
  readonly parts: number;
  readonly rows_per_part: number;
}

/** Parts of kernels that sum over nothing long. */
export const onePart: Parts = { parts: 1, rows_per_part: 0 };

/** Most iterations of a loop that is not cut into parts: a lane may run 65,535 in all. */
const mostTurns = 60000;
/** Most target pixels that one lane sums over: what a lane may loop, with a wide margin. */
const pixelsPerPart = 8192;
/** Workgroups that keep every core of a software adapter busy. */
const wantedWorkgroups = 64;

/** Geometry of a convolution of x with weight. @throws {RangeError} where they do not fit. */
export function geometryOf(x: Shape, weight: Shape, { stride = 1, padding = 0 }: Conv2dOptions): Geometry {
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
  // Loops over rows, columns and channels; beginnings and ends of inner loops count too, as measured on llvmpipe.
  const turns = kernelH * (kernelW * (Math.max(inputs, outputs) + 2) + 3);
  if (turns > mostTurns) {
    throw new RangeError(
      `${show}: a window may take at most ${mostTurns} turns, rows x (columns x (channels + 2) + 3), got ${turns}; ` +
        "split the channels or the window",
    );
  }
  const target_h = Math.floor(spareH / stride) + 1, target_w = Math.floor(spareW / stride) + 1;
  if (Math.max(w, target_w) > mostTurns) {
    throw new RangeError(`${show}: at most ${mostTurns} pixels in a row are supported, got ${Math.max(w, target_w)}`);
  }
  return {
    batch,
    source_channels: channels,
    source_h: h,
    source_w: w,
    source_stride: taps,
    target_channels: outputs,
    target_h,
    target_w,
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

/** The geometry from result to image: what a window spread from is what it gathers now. */
export function transposed(forward: Geometry): Geometry {
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

/** Parts of the rows `[B, YH]`: within a lane's loop budget, and enough of them to fill the device. */
export function splitRows({ batch, target_h, target_w }: Geometry, workgroupsPerPart: number): Parts {
  const rows = batch * target_h;
  const most = Math.max(1, Math.floor(pixelsPerPart / (target_w + 1)));
  const rows_per_part = Math.min(most, Math.max(4, Math.ceil(rows * workgroupsPerPart / wantedWorkgroups)));
  return { parts: Math.ceil(rows / rows_per_part), rows_per_part };
}
