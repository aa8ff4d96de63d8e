import shader from "../../shaders/gumbel_top_k.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { keyParams, type RandomKey } from "../tensor/philox.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Longest row: a lane walks it once and is stopped silently after 65,535 iterations. */
const longestRow = 65535;

/** How many to draw, from what distribution, and which random numbers. */
export interface TopKOptions {
  /** Number of ids a row. */
  readonly k: number;
  /** Divides the scores; 0 takes the k largest. */
  readonly temperature: number;
  /** Equal keys draw equal picks. */
  readonly key: RandomKey;
}

/** The op behind {@link gumbelTopK}. */
export const gumbelTopKOp = defineOp({
  name: "gumbel_top_k",
  shader,
  shape([scores, valid, rowKeys]: [Tensor, Tensor, Tensor], { k, temperature }: TopKOptions) {
    requireDType("gumbel_top_k", "scores", scores, "f32");
    requireRank("gumbel_top_k", "scores", scores.shape, 2);
    const [rows, cols] = scores.shape as [number, number];
    requireShape("gumbel_top_k", "valid", valid.shape, scores.shape);
    requireShape("gumbel_top_k", "row keys", rowKeys.shape, [rows]);
    const fail = (wanted: string, got: unknown) => {
      throw new RangeError(`Cannot apply gumbel_top_k: ${wanted}, got ${got}`);
    };
    if (valid.dtype === "f32") fail("valid must be i32 or u32", valid.dtype);
    if (rowKeys.dtype !== "i32") fail("row keys must be i32", rowKeys.dtype);
    if (cols > longestRow) fail(`rows may hold at most ${longestRow} scores`, cols);
    if (!(Number.isInteger(k) && k > 0 && k <= cols)) fail(`k must be an integer from 1 to ${cols}`, k);
    if (!(temperature >= 0 && temperature < Infinity)) fail("temperature must be 0 or a positive number", temperature);
    return { rows, cols, blocks: Math.ceil(cols / 4) };
  },
  forward(run, [scores, valid, rowKeys], { k, temperature, key }, { rows, cols, blocks }) {
    const params = {
      rows,
      cols,
      blocks,
      k,
      scale: temperature > 0 ? 1 / temperature : 1,
      noise: temperature > 0 ? 1 : 0,
      ...keyParams(key),
    };
    const perturbed = run.empty(scores.shape);
    const picks = run.empty([rows, k], "i32");
    run.kernel("perturb", {
      read: [scores, valid, rowKeys],
      write: [perturbed],
      params,
      grid: foldGrid(Math.ceil(rows * blocks / 64)),
    });
    run.kernel("rank", {
      read: [perturbed],
      write: [picks],
      params,
      grid: foldGrid(Math.ceil(rows * cols / 64)),
      cost: { flops: rows * cols * cols, bytes: 4 * rows * cols * cols },
    });
    return { out: picks, saved: null };
  },
});

/**
 * An ordered draw of `k` ids a row without replacement, each next one with probability `softmax(scores / temperature)`
 * over the ids still available (Plackett-Luce): scores `[N, V]` to i32 `[N, k]`, first pick first.
 *
 * Gumbel top-k (Kool et al. 2019): the k largest of `scores_v / temperature + g_v`; `g_v` depends on the key, the row's
 * own key and v only, so a row gets the same ids in any batch, and a larger k only appends picks.
 *
 * @param valid i32 or u32 `[N, V]`: 0 for what may not be picked. Where fewer than k are valid, -1 fills the rest.
 * @param rowKeys i32 `[N]`: a number of each row, such as the number of its sample.
 * @throws {RangeError} for other shapes or types, more than 65,535 scores a row, or options out of range.
 */
export function gumbelTopK(scores: Tensor, valid: Tensor, rowKeys: Tensor, options: TopKOptions): Tensor {
  return gumbelTopKOp([scores, valid, rowKeys], options);
}
