import shader from "../../shaders/log_softmax.wgsl" with { type: "text" };
import blockShader from "../../shaders/log_softmax_block.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, rowsOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { launchRows } from "./row_kernels.ts";

const block = { name: "log_softmax_block", text: blockShader };

/** Longest row that a lane walks: it would be stopped silently after 65,535 iterations. */
const longestRow = 65536;
/** Elements a lane computes where several share a row. */
const elementsPerLane = 16;

/** The op behind {@link logSoftmax}. */
export const logSoftmaxOp = defineOp({
  name: "log_softmax",
  shader,
  shape([x]: [Tensor], _attributes: Record<never, never>) {
    requireDType("log_softmax", "x", x, "f32");
    requireRank("log_softmax", "x", x.shape, { atLeast: 1 });
    const rows = rowsOf(x.shape), cols = lastAxis(x.shape);
    if (cols > longestRow) {
      throw new RangeError(`Cannot apply log_softmax: rows may hold at most ${longestRow} elements, got ${cols}`);
    }
    const params = { rows, cols, lanes: Math.ceil(cols / elementsPerLane) };
    const cost = { bytes: 8 * x.size };
    const suffix = cols % 4 === 0 ? "4" : "";
    return { suffix, launch: { params, cost, grid: foldGrid(Math.ceil(rows * params.lanes / 32)) } };
  },
  forward(run, [x], _attributes, { suffix, launch }) {
    const { params, cost } = launch;
    const y = run.empty(x.shape);
    const logSumExp = run.empty([params.rows]);
    launchRows(run, block, "log_sum_exp", params.rows, params.cols, {
      plainEntry: `log_sum_exp${suffix}`,
      read: [x],
      write: [logSumExp],
      params,
      cost,
    });
    run.kernel(`forward${suffix}`, { read: [x, logSumExp], write: [y], ...launch });
    return { out: y, saved: { y, suffix, launch } };
  },
  backward(run, { y, suffix, launch }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(y.shape);
    const { params, cost } = launch;
    const sums = run.empty([params.rows]);
    launchRows(run, block, "row_sums", params.rows, params.cols, {
      plainEntry: `row_sums${suffix}`,
      read: [dy],
      write: [sums],
      params,
      cost,
    });
    run.kernel(`backward_x${suffix}`, { read: [y, sums, dy], write: [dx], ...launch });
    return [dx];
  },
});

/**
 * Logarithm of softmax over the last axis, `[.., C] -> [.., C]`.
 *
 * Forward `y_i = x_i - log sum_j exp(x_j)`, backward `dx_i = dy_i - exp(y_i) sum_j dy_j`.
 *
 * @throws {RangeError} for a scalar, integers, or more than 65,536 elements a row.
 */
export function logSoftmax(x: Tensor): Tensor {
  return logSoftmaxOp([x], {});
}
