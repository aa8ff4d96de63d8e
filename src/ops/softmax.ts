import shader from "../../shaders/softmax.wgsl" with { type: "text" };
import blockShader from "../../shaders/softmax_block.wgsl" with { type: "text" };
import laneShader from "../../shaders/softmax_subgroup.wgsl" with { type: "text" };
import { lastAxis, requireRank, rowsOf, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { launchRows } from "./row_kernels.ts";

const block = { name: "softmax_block", text: blockShader };
const lane = { name: "softmax_subgroup", text: laneShader };
const mostColumns = 20000; // three loops over a row share a lane's 65,535 iterations

/** The op behind {@link softmax}. */
export const softmaxOp = defineOp({
  name: "softmax",
  shader,
  shape([x]: [Tensor], _attributes: Record<never, never>) {
    requireDType("softmax", "x", x, "f32");
    requireRank("softmax", "x", x.shape, { atLeast: 1 });
    const rows = rowsOf(x.shape), cols = lastAxis(x.shape);
    if (cols > mostColumns) {
      throw new RangeError(
        `Cannot apply softmax to ${showShape(x.shape)}: rows may hold at most ${mostColumns} elements, got ${cols}; ` +
          "logSoftmax takes 65536",
      );
    }
    return { rows, cols };
  },
  forward(run, [x], _attributes, params) {
    const y = run.empty(x.shape);
    launchRows(run, block, "forward", params.rows, params.cols, { lane, read: [x], write: [y], params });
    return { out: y, saved: { y, params } };
  },
  backward(run, { y, params }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(y.shape);
    launchRows(run, block, "backward_x", params.rows, params.cols, { lane, read: [y, dy], write: [dx], params });
    return [dx];
  },
});

/**
 * Softmax over the last axis, `[.., C] -> [.., C]`.
 *
 * Forward `y_i = exp(x_i - max x) / sum_j exp(x_j - max x)`, backward `dx_i = y_i (dy_i - sum_j dy_j y_j)`.
 *
 * @throws {RangeError} for a scalar, integers, or more than 20,000 elements a row.
 */
export function softmax(x: Tensor): Tensor {
  return softmaxOp([x], {});
}
