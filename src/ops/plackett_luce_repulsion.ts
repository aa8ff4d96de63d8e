import shader from "../../shaders/plackett_luce_repulsion.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { add } from "./elementwise_binary.ts";
import { defineOp } from "./op.ts";
import { requireDraws, turnsOf } from "./plackett_luce.ts";
import { sum } from "./reduce.ts";
import { requireDType } from "./require_dtype.ts";

/** How the cells picked in a step push the others away. */
export interface Repulsion {
  /** lambda, f32 `[1]` for all rows or `[R]`: what the closeness of a pick takes off a score. Learned. */
  readonly strength: Tensor;
  /** f32 `[N, N]`: what the pick of a cell (row) weighs at another (column), such as {@link gaussianCloseness}. */
  readonly closeness: Tensor;
}

/**
 * `exp(-d^2 / (2 sigma^2))` of the distance d between the cells of a grid, `[N, N]`.
 *
 * @param cells N, row by row.
 * @param width cells in a row.
 * @param sigma in cells.
 * @throws {RangeError} for a sigma that is not positive.
 */
export function gaussianCloseness(cells: number, width: number, sigma: number): Float32Array {
  if (!(sigma > 0)) throw new RangeError(`Cannot weigh distances: sigma must be above 0, got ${sigma}`);
  return Float32Array.from({ length: cells * cells }, (_, i) => {
    const a = Math.floor(i / cells), b = i % cells;
    const dy = Math.floor(a / width) - Math.floor(b / width), dx = a % width - b % width;
    return Math.exp(-(dy * dy + dx * dx) / (2 * sigma * sigma));
  });
}

/** Checks strength and closeness. @throws {RangeError} naming the op. */
export function requireRepulsion(op: string, { strength, closeness }: Repulsion, rows: number, cols: number): void {
  requireDType(op, "strength", strength, "f32");
  requireDType(op, "closeness", closeness, "f32");
  requireShape(op, "closeness", closeness.shape, [cols, cols]);
  if (strength.shape.length === 1 && (strength.size === 1 || strength.size === rows)) return;
  throw new RangeError(
    `Cannot apply ${op}: strength must have shape [1] or [${rows}], got ${showShape(strength.shape)}`,
  );
}

/** A strength of each row, `[R]`; gradients of a single one are summed over the rows. */
export function strengthOfRows(strength: Tensor, rows: number): Tensor {
  return strength.size === 1 && rows > 1 ? add(strength, strength.device.zeros([rows])) : strength;
}

/** The op behind {@link plackettLuceWithRepulsion}; strength is `[R]`. */
export const plackettLuceRepulsionOp = defineOp({
  name: "plackett_luce_repulsion",
  shader,
  shape(
    [scores, valid, picks, strength, closeness]: [Tensor, Tensor, Tensor, Tensor, Tensor],
    _: Record<never, never>,
  ) {
    const sizes = requireDraws("plackett_luce_repulsion", scores, valid, picks);
    requireRepulsion("plackett_luce_repulsion", { strength, closeness }, sizes.rows, sizes.cols);
    return sizes;
  },
  forward(run, [scores, valid, picks, strength, closeness], _attributes, sizes) {
    const { rows, cols, count } = sizes;
    const { turn, kind } = turnsOf(run.device, valid, picks, sizes);
    const pushed = run.empty([rows, count, cols]), sums = run.empty([rows, count, 2]), logP = run.empty([rows, count]);
    const params = { ...sizes, outside: NaN };
    const byCell = { params, grid: foldGrid(Math.ceil(rows * cols / 32)), cost: { bytes: 8 * pushed.size } };
    const byPick = { params, grid: foldGrid(Math.ceil(rows * count / 32)), cost: { bytes: 8 * pushed.size } };
    run.kernel("push", { read: [picks, kind, closeness, strength, scores, turn], write: [pushed], ...byCell });
    run.kernel("forward", { read: [picks, kind, pushed], write: [logP, sums], ...byPick });
    return { out: logP, saved: { read: [picks, kind, closeness, pushed, sums], byCell, shape: scores.shape } };
  },
  backward(run, { read, byCell, shape }, dlogP, [wantScores, , , wantStrength]) {
    if (!wantScores && !wantStrength) return [null, null, null, null, null];
    const dscores = run.empty(shape), dstrengths = run.empty(shape);
    run.kernel("backward_x", { read: [...read, dlogP], write: [dscores, dstrengths], ...byCell });
    return [wantScores ? dscores : null, null, null, wantStrength ? sum(dstrengths, 1) : null, null];
  },
});

/**
 * {@link plackettLuce} where every pick pushes the cells near it away from the picks that follow: scores `[R, N]` and
 * picks `[R, K]` to `[R, K]`. `sampleWithRepulsion` draws by this law.
 *
 * Forward `log p_i = u_i(o_i) - log sum exp u_i(j)` over the cells still available, `u_i(j) = s_j - lambda f_i(j)`,
 * `f_i(j) = sum_{l < i} closeness(o_l, j)`. Backward, with `w_i(j) = g_i ([j = o_i] - softmax u_i(j))`:
 * `ds_j = sum_i w_i(j)`, `dlambda = -sum_i sum_j w_i(j) f_i(j)`; none to the closeness. The scores change with every
 * pick, so it takes `O(N K)` a row, and holds `R N K` numbers until its scope ends.
 *
 * @param valid as for `plackettLuce`, whose rules for padding, forced and impossible picks hold.
 * @param picks as for `plackettLuce`.
 * @throws {RangeError} for shapes or types that do not fit.
 */
export function plackettLuceWithRepulsion(
  scores: Tensor,
  valid: Tensor,
  picks: Tensor,
  { strength, closeness }: Repulsion,
): Tensor {
  return plackettLuceRepulsionOp([scores, valid, picks, strengthOfRows(strength, scores.shape[0]!), closeness], {});
}
