import shader from "../../shaders/max_pool2d.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { type Pool2dOptions, poolGeometry } from "./pool2d_geometry.ts";

/** Whether windows of 2 x 2 lie side by side and leave nothing over. */
function tilesEvenly({ h, w, kernel, stride, padding }: ReturnType<typeof poolGeometry>["params"]): boolean {
  return kernel === 2 && stride === 2 && padding === 0 && h % 2 === 0 && w % 2 === 0;
}

/** The op behind {@link maxPool2d}. */
export const maxPool2dOp = defineOp({
  name: "max_pool2d",
  shader,
  shape: ([x]: [Tensor], options: Pool2dOptions) => poolGeometry("max_pool2d", x, options),
  forward(run, [x], _options, { shape, params }) {
    const y = run.empty(shape), where = run.empty(shape, "u32");
    run.kernel(tilesEvenly(params) ? "halve" : "forward", {
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
    const dx = run.empty(x.shape), halving = tilesEvenly(params);
    run.kernel(halving ? "halve_x" : "backward_x", {
      read: [dy, where],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil((halving ? dy : dx).size / 64)),
      cost: { bytes: 4 * (dx.size + 2 * dy.size) },
    });
    return [dx];
  },
});

/**
 * Largest value of each square window, `[B, C, H, W] -> [B, C, YH, YW]` with `YH = floor((H + 2 P - K) / S) + 1` and YW
 * alike; a rest that fills no window is dropped. Padding never is a maximum. A NaN in a window is.
 *
 * Backward: each window's gradient goes to its first maximum in reading order; overlapping windows add up.
 *
 * @throws {RangeError} for another rank or type, a window that does not fit or is wider than 64, a stride below 1, and a
 * padding of more than half the window.
 */
export function maxPool2d(x: Tensor, options: Pool2dOptions = {}): Tensor {
  return maxPool2dOp([x], options);
}
