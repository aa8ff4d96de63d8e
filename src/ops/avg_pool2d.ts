import shader from "../../shaders/avg_pool2d.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { type Pool2dOptions, poolGeometry } from "./pool2d_geometry.ts";

/** The op behind {@link avgPool2d}. */
export const avgPool2dOp = defineOp({
  name: "avg_pool2d",
  shader,
  shape: ([x]: [Tensor], options: Pool2dOptions) => poolGeometry("avg_pool2d", x, options),
  forward(run, [x], _options, { shape, params }) {
    const y = run.empty(shape);
    run.kernel("forward", {
      read: [x],
      write: [y],
      params,
      grid: foldGrid(Math.ceil(y.size / 64)),
      cost: { bytes: 4 * (x.size + y.size) },
    });
    return { out: y, saved: { shape: x.shape, params } };
  },
  backward(run, { shape, params }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(shape);
    run.kernel("backward_x", {
      read: [dy],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil(dx.size / 64)),
      cost: { bytes: 4 * (dx.size + dy.size) },
    });
    return [dx];
  },
});

/**
 * Mean of each square window, `[B, C, H, W] -> [B, C, YH, YW]` with `YH = floor((H + 2 P - K) / S) + 1` and YW alike.
 * Only pixels of the image count: a window that reaches over the edge has a smaller divisor, PyTorch's
 * `count_include_pad=False`.
 *
 * Backward: each window's gradient goes to its pixels in equal parts; overlapping windows add up.
 *
 * @throws {RangeError} for another rank or type, a window that does not fit or is wider than 64, a stride below 1, and a
 * padding of more than half the window.
 */
export function avgPool2d(x: Tensor, options: Pool2dOptions = {}): Tensor {
  return avgPool2dOp([x], options);
}
