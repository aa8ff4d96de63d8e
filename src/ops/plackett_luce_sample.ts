import shader from "../../shaders/plackett_luce_sample.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { keyParams } from "../tensor/philox.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TopKOptions } from "./gumbel_top_k.ts";
import { defineOp } from "./op.ts";
import { type Repulsion, requireRepulsion, strengthOfRows } from "./plackett_luce_repulsion.ts";
import { requireDType } from "./require_dtype.ts";

/** Most cells of a row: their blocks of four are counted in 14 bits of the random key. */
const mostCells = 65535;

/** The op behind {@link sampleWithRepulsion}; strength is `[R]`. */
export const plackettLuceSampleOp = defineOp({
  name: "plackett_luce_sample",
  shader,
  shape(inputs: [Tensor, Tensor, Tensor, Tensor, Tensor], { k, temperature }: TopKOptions) {
    const [scores, valid, rowKeys, strength, closeness] = inputs;
    const op = "plackett_luce_sample";
    requireDType(op, "scores", scores, "f32");
    requireRank(op, "scores", scores.shape, 2);
    const [rows, cols] = scores.shape as [number, number];
    requireShape(op, "valid", valid.shape, scores.shape);
    requireDType(op, "valid", valid, "i32", "u32");
    requireShape(op, "row keys", rowKeys.shape, [rows]);
    requireDType(op, "row keys", rowKeys, "i32");
    requireRepulsion(op, { strength, closeness }, rows, cols);
    const fail = (wanted: string, got: unknown) => {
      throw new RangeError(`Cannot apply ${op}: ${wanted}, got ${got}`);
    };
    if (cols > mostCells) fail(`rows may hold at most ${mostCells} scores`, cols);
    if (!(Number.isInteger(k) && k > 0 && k <= cols)) fail(`k must be an integer from 1 to ${cols}`, k);
    if (!(temperature >= 0 && temperature < Infinity)) fail("temperature must be 0 or a positive number", temperature);
    return { rows, cols, blocks: Math.ceil(cols / 4) };
  },
  forward(run, [scores, valid, rowKeys, strength, closeness], { k, temperature, key }, { rows, cols, blocks }) {
    const params = {
      rows,
      cols,
      blocks,
      k,
      pick: 0,
      scale: temperature > 0 ? 1 / temperature : 1,
      noise: temperature > 0 ? 1 : 0,
      ...keyParams(key),
    };
    const pushed = run.empty(scores.shape), best = run.empty([rows, blocks, 2]), picks = run.empty([rows, k], "i32");
    const grid = (lanes: number) => foldGrid(Math.ceil(lanes / 64));
    run.kernel("start", { read: [scores, valid], write: [pushed], params, grid: grid(rows * cols) });
    for (let pick = 0; pick < k; pick++) {
      run.kernel("perturb", {
        read: [rowKeys, strength, closeness, picks],
        write: [pushed, best],
        params: { ...params, pick },
        grid: grid(rows * blocks),
        cost: { flops: 100 * rows * cols, bytes: 12 * rows * cols },
      });
      run.kernel("choose", { read: [best], write: [picks], params: { ...params, pick }, grid: grid(rows) });
    }
    return { out: picks, saved: null };
  },
});

/**
 * An ordered draw of `k` cells a row by the law of `plackettLuceWithRepulsion` at `scores / temperature` and
 * `strength / temperature`: scores `[R, N]` to i32 `[R, k]`, first pick first; two kernels a pick. No gradient.
 *
 * Gumbel-max at every pick with fresh noise, which depends on the key, the row's own key, the pick and the cell only,
 * so a row gets the same cells in any batch, and a larger k only appends picks. The first pick is that of `gumbelTopK`
 * under the same key. One noise for all picks, as there, would be wrong here: it keeps the law of the scores it was
 * drawn with.
 *
 * @param valid i32 or u32 `[R, N]`: 0 for what may not be picked. Where fewer than k are valid, -1 fills the rest.
 * @param rowKeys i32 `[R]`: a number of each row, such as the number of its sample.
 * @param options a temperature of 0 takes the highest pushed score at every pick.
 * @throws {RangeError} for other shapes or types, more than 65,535 scores a row, or options out of range.
 */
export function sampleWithRepulsion(
  scores: Tensor,
  valid: Tensor,
  rowKeys: Tensor,
  { strength, closeness }: Repulsion,
  options: TopKOptions,
): Tensor {
  return plackettLuceSampleOp(
    [scores, valid, rowKeys, strengthOfRows(strength, scores.shape[0]!), closeness],
    options,
  );
}
