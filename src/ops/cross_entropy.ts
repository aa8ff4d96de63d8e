import shader from "../../shaders/cross_entropy.wgsl" with { type: "text" };
import blockShader from "../../shaders/cross_entropy_block.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, requireShape, rowsOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { launchRows } from "./row_kernels.ts";

const block = { name: "cross_entropy_block", text: blockShader };

/** Longest row that a lane walks: it would be stopped silently after 65,535 iterations. */
const longestRow = 65536;
/** Elements a lane of the backward kernel computes: what it reads of its row is shared by them. */
const elementsPerLane = 16;

/** The op behind {@link crossEntropy}. */
export const crossEntropyOp = defineOp({
  name: "cross_entropy",
  shader,
  shape([logits, targets]: [Tensor, Tensor], _attributes: Record<never, never>) {
    requireDType("cross_entropy", "logits", logits, "f32");
    requireRank("cross_entropy", "logits", logits.shape, { atLeast: 1 });
    requireShape("cross_entropy", "targets", targets.shape, logits.shape.slice(0, -1));
    if (targets.dtype !== "i32") {
      throw new RangeError(
        `Cannot apply cross_entropy: targets must be i32, got ${targets.dtype}; make them from an Int32Array`,
      );
    }
    const rows = rowsOf(logits.shape), cols = lastAxis(logits.shape);
    if (cols > longestRow) {
      throw new RangeError(`Cannot apply cross_entropy: rows may hold at most ${longestRow} logits, got ${cols}`);
    }
    return { params: { rows, cols, lanes: Math.ceil(cols / elementsPerLane) }, suffix: cols % 4 === 0 ? "4" : "" };
  },
  forward(run, [logits, targets], _attributes, { params, suffix }) {
    const loss = run.empty(targets.shape);
    const logSumExp = run.empty([params.rows]);
    launchRows(run, block, "forward", params.rows, params.cols, {
      plainEntry: `forward${suffix}`,
      read: [logits, targets],
      write: [loss, logSumExp],
      params,
      cost: { flops: 6 * logits.size, bytes: 4 * logits.size },
    });
    return { out: loss, saved: { logits, targets, logSumExp, params, suffix } };
  },
  backward(run, { logits, targets, logSumExp, params, suffix }, dloss, [wanted]) {
    if (!wanted) return [null, null];
    const dx = run.empty(logits.shape);
    run.kernel(`backward_x${suffix}`, {
      read: [logits, targets, logSumExp, dloss],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil(params.rows * params.lanes / 32)),
      cost: { flops: 4 * logits.size, bytes: 8 * logits.size },
    });
    return [dx, null];
  },
});

/**
 * Negative log-probability of a class under softmax, row by row: logits `[.., V]` and i32 targets `[..]` to `[..]`.
 * A target outside `[0, V)`, such as -1 for padding, gives 0 and no gradient.
 *
 * Forward `loss = log sum_j exp(x_j) - x_target`, backward `dx_j = (softmax(x)_j - [j = target]) dloss`.
 *
 * @throws {RangeError} for integer logits, targets of another shape or type, or more than 65,536 classes.
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return crossEntropyOp([logits, targets], {});
}
