import shader from "../../shaders/max_pool2d.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** The windows of a pooling. */
export interface MaxPool2dOptions {
  /** Side of the square window in pixels; default 2. */
  readonly kernel?: number;
  /** Pixels between neighbouring windows; default the window's side. */
  readonly stride?: number;
}

const mostKernel = 64;

/** The op behind {@link maxPool2d}. */
export const maxPool2dOp = defineOp({
  name: "max_pool2d",
  shader,
  shape([x]: [Tensor], { kernel = 2, stride = kernel }: MaxPool2dOptions) {
    requireDType("max_pool2d", "x", x, "f32");
    requireRank("max_pool2d", "x", x.shape, 4);
    const [batch, channels, h, w] = x.shape as [number, number, number, number];
    const integers = Number.isInteger(kernel) && Number.isInteger(stride);
    if (!integers || kernel < 1 || stride < 1 || kernel > Math.min(h, w, mostKernel)) {
      throw new RangeError(
        `Cannot pool ${showShape(x.shape)}: wanted an integer window from 1 to ${Math.min(h, w, mostKernel)} and an ` +
          `integer stride of at least 1, got ${kernel} and ${stride}`,
      );
    }
    const y_h = Math.floor((h - kernel) / stride) + 1, y_w = Math.floor((w - kernel) / stride) + 1;
    return {
      shape: [batch, channels, y_h, y_w],
      params: { planes: batch * channels, h, w, y_h, y_w, kernel, stride },
    };
  },
  forward(run, [x], _options, { shape, params }) {
    const y = run.empty(shape), where = run.empty(shape, "u32");
    run.kernel("forward", {
      read: [x],
      write: [y, where],
      params,
      grid: foldGrid(Math.ceil(y.size / 64)),
      cost: { bytes: 4 * (x.size + 2 * y.size) },
    });
    return { out: y, saved: { x, where, params } };
  },
  backward(run, { x, where, params }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(x.shape);
    run.kernel("backward_x", {
      read: [dy, where],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil(dx.size / 64)),
      cost: { bytes: 4 * (dx.size + 2 * dy.size) },
    });
    return [dx];
  },
});

/**
 * Largest value of each square window: `[B, C, H, W] -> [B, C, floor((H - K) / S) + 1, floor((W - K) / S) + 1]`,
 * without padding; a rest that fills no window is dropped. A NaN in a window is its maximum.
 *
 * Backward: each window's gradient goes to its first maximum in reading order; overlapping windows add up.
 *
 * @throws {RangeError} for another rank or type, a window that does not fit or is wider than 64, a stride below 1.
 */
export function maxPool2d(x: Tensor, options: MaxPool2dOptions = {}): Tensor {
  return maxPool2dOp([x], options);
}
