import shader from "../../shaders/plackett_luce.wgsl" with { type: "text" };
import { type Device, foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp, runOn } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Most cells and picks of a row together: a lane goes twice through both, and is stopped after 65,535 iterations. */
const longestRow = 32767;

/** Sizes of a batch of ordered draws. */
export interface DrawSizes {
  /** R. */
  readonly rows: number;
  /** N, cells to pick from. */
  readonly cols: number;
  /** K, picks of a row with its padding. */
  readonly count: number;
}

/** Checks the tensors of ordered draws. @throws {RangeError} naming the op. */
export function requireDraws(op: string, scores: Tensor, valid: Tensor, picks: Tensor): DrawSizes {
  requireDType(op, "scores", scores, "f32");
  requireRank(op, "scores", scores.shape, 2);
  const [rows, cols] = scores.shape as [number, number];
  requireShape(op, "valid", valid.shape, scores.shape);
  requireDType(op, "valid", valid, "i32", "u32");
  requireDType(op, "picks", picks, "i32");
  requireRank(op, "picks", picks.shape, 2);
  const count = picks.shape[1]!;
  requireShape(op, "picks", picks.shape, [rows, count]);
  if (cols + count > longestRow) {
    throw new RangeError(
      `Cannot apply ${op}: a row may hold at most ${longestRow} cells and picks together, got ${cols} and ${count}`,
    );
  }
  return { rows, cols, count };
}

/** What becomes of cells and picks; the values are in the header of plackett_luce.wgsl. */
export interface Turns {
  /** i32 `[R, N]`: the pick that takes each cell. */
  readonly turn: Tensor;
  /** i32 `[R, K]`: whether a pick was free, forced, impossible or padding. */
  readonly kind: Tensor;
}

/** Sorts out cells and picks that {@link requireDraws} has checked. */
export function turnsOf(device: Device, valid: Tensor, picks: Tensor, { rows, cols, count }: DrawSizes): Turns {
  const run = runOn(device, { name: "plackett_luce", text: shader });
  const turn = run.empty([rows, cols], "i32"), kind = run.empty([rows, count], "i32");
  run.kernel("turns", {
    read: [valid, picks],
    write: [turn, kind],
    params: { rows, cols, count, outside: NaN },
    grid: foldGrid(Math.ceil(rows / 32)),
  });
  return { turn, kind };
}

/** The op behind {@link plackettLuce}. */
export const plackettLuceOp = defineOp({
  name: "plackett_luce",
  shader,
  shape: ([scores, valid, picks]: [Tensor, Tensor, Tensor], _attributes: Record<never, never>) =>
    requireDraws("plackett_luce", scores, valid, picks),
  forward(run, [scores, valid, picks], _attributes, sizes) {
    const { rows, cols, count } = sizes;
    const { turn, kind } = turnsOf(run.device, valid, picks, sizes);
    const logP = run.empty([rows, count]), sums = run.empty([rows, count + 1, 2]);
    const params = { rows, cols, count, outside: NaN };
    run.kernel("forward", {
      read: [scores, picks, turn, kind],
      write: [logP, sums],
      params,
      grid: foldGrid(Math.ceil(rows / 32)),
      cost: { flops: 8 * rows * (cols + count), bytes: rows * (8 * cols + 20 * count) },
    });
    return { out: logP, saved: { scores, turn, kind, sums, params } };
  },
  backward(run, { scores, turn, kind, sums, params }, dlogP, [wanted]) {
    if (!wanted) return [null, null, null];
    const { rows, cols, count } = params;
    const carried = run.empty([rows, count + 1]), dx = run.empty(scores.shape);
    run.kernel("scan", {
      read: [dlogP, kind, sums],
      write: [carried],
      params,
      grid: foldGrid(Math.ceil(rows / 32)),
    });
    run.kernel("backward_x", {
      read: [dlogP, kind, sums, carried, scores, turn],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil(rows * cols / 32)),
      cost: { flops: 6 * dx.size, bytes: 24 * dx.size },
    });
    return [dx, null, null];
  },
});

/**
 * Log-probabilities of ordered draws without replacement (Plackett-Luce), pick by pick: scores `[R, N]` and picks
 * `[R, K]` to `[R, K]`; the sum of a row is the log-probability of its order. `gumbelTopK` draws by this law.
 *
 * Forward `log p_i = s_oi - L_i`, `L_i = log sum exp s_j` over the cells still available, summed from the last pick
 * back, so that nothing cancels whatever the scores. Backward `ds_j = g_i - sum_{l <= i} g_l exp(s_j - L_l)` for
 * `j = o_i`, the sum alone (over all picks) for a cell that is not picked. `O(N + K)` a row either way; a row gets the
 * same bits in any batch.
 *
 * Padding, and a pick that had no alternative, have log-probability 0 and no gradient. A pick that is invalid, repeated
 * or outside the row gives NaN, since picks live on the device and cannot be checked here.
 *
 * @param valid i32 or u32 `[R, N]`: 0 for what could not be picked.
 * @param picks i32 `[R, K]`: cells, first pick first, padded with -1.
 * @throws {RangeError} for other shapes or types, or more than 32,767 cells and picks in a row.
 */
export function plackettLuce(scores: Tensor, valid: Tensor, picks: Tensor): Tensor {
  return plackettLuceOp([scores, valid, picks], {});
}
