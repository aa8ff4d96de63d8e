import { requireRank, type Shape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireDType } from "./require_dtype.ts";

/** The windows of a pooling. */
export interface Pool2dOptions {
  /** Side of the square window in pixels; default 2. */
  readonly kernel?: number;
  /** Pixels between neighbouring windows; default the window's side. */
  readonly stride?: number;
  /** Pixels by which windows may reach over every edge, at most half the window; default 0. What is there counts not. */
  readonly padding?: number;
}

const mostKernel = 64;

/** Shape of the result and `Params` of max_pool2d.wgsl and avg_pool2d.wgsl. @throws {RangeError} where they do not fit. */
export function poolGeometry(op: string, x: Tensor, { kernel = 2, stride = kernel, padding = 0 }: Pool2dOptions) {
  requireDType(op, "x", x, "f32");
  requireRank(op, "x", x.shape, 4);
  const [batch, channels, h, w] = x.shape as [number, number, number, number];
  const integers = Number.isInteger(kernel) && Number.isInteger(stride);
  if (!Number.isInteger(padding) || padding < 0 || 2 * padding > kernel) {
    throw new RangeError(
      `Cannot pool ${
        showShape(x.shape)
      }: padding must be an integer from 0 to half the window of ${kernel}, got ${padding}`,
    );
  }
  const widest = Math.min(h + 2 * padding, w + 2 * padding, mostKernel);
  if (!integers || kernel < 1 || stride < 1 || kernel > widest) {
    throw new RangeError(
      `Cannot pool ${showShape(x.shape)}: wanted an integer window from 1 to ${widest} and an ` +
        `integer stride of at least 1, got ${kernel} and ${stride}`,
    );
  }
  const y_h = Math.floor((h + 2 * padding - kernel) / stride) + 1;
  const y_w = Math.floor((w + 2 * padding - kernel) / stride) + 1;
  const shape: Shape = [batch, channels, y_h, y_w];
  return { shape, params: { planes: batch * channels, h, w, y_h, y_w, kernel, stride, padding } };
}
