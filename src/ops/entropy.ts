import shader from "../../shaders/entropy.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, rowsOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Longest row that a lane walks: it would be stopped silently after 65,535 iterations. */
const longestRow = 65536;
/** Elements a lane of the backward kernel computes. */
const elementsPerLane = 16;

/** The op behind {@link entropy}. */
export const entropyOp = defineOp({
  name: "entropy",
  shader,
  shape([logits]: [Tensor], _attributes: Record<never, never>) {
    requireDType("entropy", "logits", logits, "f32");
    requireRank("entropy", "logits", logits.shape, { atLeast: 1 });
    const rows = rowsOf(logits.shape), cols = lastAxis(logits.shape);
    if (cols > longestRow) {
      throw new RangeError(`Cannot apply entropy: rows may hold at most ${longestRow} logits, got ${cols}`);
    }
    return { rows, cols, lanes: Math.ceil(cols / elementsPerLane) };
  },
  forward(run, [logits], _attributes, params) {
    const h = run.empty(logits.shape.slice(0, -1));
    const lse = run.empty([params.rows]);
    run.kernel("forward", {
      read: [logits],
      write: [h, lse],
      params,
      grid: foldGrid(Math.ceil(params.rows / 32)),
      cost: { flops: 8 * logits.size, bytes: 4 * logits.size },
    });
    return { out: h, saved: { logits, h, lse, params } };
  },
  backward(run, { logits, h, lse, params }, dh, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(logits.shape);
    run.kernel("backward_x", {
      read: [logits, h, lse, dh],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil(params.rows * params.lanes / 32)),
      cost: { flops: 6 * dx.size, bytes: 8 * dx.size },
    });
    return [dx];
  },
});

/**
 * Entropy of softmax distributions in nats, row by row, logits `[.., V]` to `[..]`.
 *
 * Forward `h = -sum_j p_j log p_j`, backward `dx_j = -p_j (log p_j + h) dh`; a class with `p_j = 0` counts nothing.
 *
 * @throws {RangeError} for a scalar, integers, or more than 65,536 classes.
 */
export function entropy(logits: Tensor): Tensor {
  return entropyOp([logits], {});
}
