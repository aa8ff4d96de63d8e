import shader from "../../shaders/softmax.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, rowsOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";

/** The op behind {@link softmax}. */
export const softmaxOp = defineOp({
  name: "softmax",
  shader,
  shape([x]: [Tensor], _attributes: Record<never, never>) {
    requireRank("softmax", "x", x.shape, { atLeast: 1 });
    const rows = rowsOf(x.shape);
    return { params: { rows, cols: lastAxis(x.shape) }, grid: foldGrid(Math.ceil(rows / 32)) };
  },
  forward(run, [x], _attributes, launch) {
    const y = run.empty(x.shape);
    run.kernel("forward", { read: [x], write: [y], ...launch });
    return { out: y, saved: { y, launch } };
  },
  backward(run, { y, launch }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(y.shape);
    run.kernel("backward_x", { read: [y, dy], write: [dx], ...launch });
    return [dx];
  },
});

/**
 * Softmax over the last axis, `[.., C] -> [.., C]`.
 *
 * Forward `y_i = exp(x_i - max x) / sum_j exp(x_j - max x)`, backward `dx_i = y_i (dy_i - sum_j dy_j y_j)`.
 *
 * @throws {RangeError} for a scalar.
 */
export function softmax(x: Tensor): Tensor {
  return softmaxOp([x], {});
}
