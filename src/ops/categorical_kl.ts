import shader from "../../shaders/categorical_kl.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, requireShape, rowsOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Longest row that a lane walks: it would be stopped silently after 65,535 iterations. */
const longestRow = 65536;
/** Elements a lane of the backward kernel computes. */
const elementsPerLane = 16;

/** The op behind {@link categoricalKl}. */
export const categoricalKlOp = defineOp({
  name: "categorical_kl",
  shader,
  shape([logits, reference]: [Tensor, Tensor], _attributes: Record<never, never>) {
    requireDType("categorical_kl", "logits", logits, "f32");
    requireDType("categorical_kl", "reference", reference, "f32");
    requireRank("categorical_kl", "logits", logits.shape, { atLeast: 1 });
    requireShape("categorical_kl", "reference", reference.shape, logits.shape);
    const rows = rowsOf(logits.shape), cols = lastAxis(logits.shape);
    if (cols > longestRow) {
      throw new RangeError(`Cannot apply categorical_kl: rows may hold at most ${longestRow} logits, got ${cols}`);
    }
    return { rows, cols, lanes: Math.ceil(cols / elementsPerLane) };
  },
  forward(run, [logits, reference], _attributes, params) {
    const { rows } = params;
    const kl = run.empty(logits.shape.slice(0, -1));
    const lse = run.empty([rows]), referenceLse = run.empty([rows]);
    run.kernel("forward", {
      read: [logits, reference],
      write: [kl, lse, referenceLse],
      params,
      grid: foldGrid(Math.ceil(rows / 32)),
      cost: { flops: 14 * logits.size, bytes: 8 * logits.size },
    });
    return { out: kl, saved: { rows: [logits, reference, kl, lse, referenceLse], params } };
  },
  backward(run, { rows, params }, dkl, [wanted]) {
    if (!wanted) return [null, null];
    const dx = run.empty(rows[0]!.shape);
    run.kernel("backward_x", {
      read: [...rows, dkl],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil(params.rows * params.lanes / 32)),
      cost: { flops: 8 * dx.size, bytes: 12 * dx.size },
    });
    return [dx, null];
  },
});

/**
 * Exact Kullback-Leibler divergence of softmax distributions, `KL(softmax(logits) || softmax(reference))`, row by row:
 * both `[.., V]` to `[..]`. No gradient flows to the reference.
 *
 * Forward `sum_j p_j (log p_j - log q_j)`, backward `dx_j = p_j (log p_j - log q_j - KL) dKL`. A class with `p_j = 0`
 * counts nothing, one with `q_j = 0` and `p_j > 0` makes the divergence infinite.
 *
 * @throws {RangeError} for a reference of another shape, integers, or more than 65,536 classes.
 */
export function categoricalKl(logits: Tensor, reference: Tensor): Tensor {
  return categoricalKlOp([logits, reference], {});
}
