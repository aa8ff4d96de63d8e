import shader from "../../shaders/sample_categorical.wgsl" with { type: "text" };
import blockShader from "../../shaders/sample_categorical_block.wgsl" with { type: "text" };
import { type DispatchGrid, foldGrid } from "../tensor/device.ts";
import { keyParams, type RandomKey } from "../tensor/philox.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp, type Run } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { groupPerRow, launchRows, rowsPerGroup } from "./row_kernels.ts";

const block = { name: "sample_categorical_block", text: blockShader };

/** Longest row: a floor is selected by one lane, which is stopped silently after 65,535 iterations. */
const longestRow = 32768;
/** Logits of a row that one lane draws from. */
const segmentLength = 256;

/** What distribution to draw from, and which random numbers. */
export interface SampleOptions {
  /** Divides the logits; 0 takes the largest logit. */
  readonly temperature: number;
  /** Keep the k largest logits, and those equal to the last of them. */
  readonly topK?: number;
  /** Keep the most probable classes (of those that top-k left) whose probabilities sum to at least p: the nucleus. */
  readonly topP?: number;
  /** Equal keys draw equal ids. */
  readonly key: RandomKey;
}

/** Sizes of a draw, and the grids of its kernels: where the rows in use are known on the device only, indirect ones. */
export interface DrawGrids {
  /** Most rows. */
  readonly rows: number;
  /** V. */
  readonly cols: number;
  /** A lane per row, 32 a workgroup. */
  readonly byRow: DispatchGrid;
  /** What selects the floors of rows: a workgroup per row where {@link groupPerRow}, else as `byRow`. */
  readonly byFloor: DispatchGrid;
  /** A lane per segment of `segmentLength` logits of a row. */
  readonly bySegment: DispatchGrid;
}

/** Segments of a row that {@link drawCategorical} works on. */
export function segmentsOf(cols: number): number {
  return Math.ceil(cols / segmentLength);
}

/** Launches the kernels of {@link sampleCategorical}; arguments are not checked. */
export function drawCategorical(
  run: Run,
  logits: Tensor,
  rowKeys: Tensor,
  { temperature, topK, topP, key }: SampleOptions,
  { rows, cols, byRow, byFloor, bySegment }: DrawGrids,
): Tensor {
  const segments = segmentsOf(cols);
  const noise = temperature > 0 ? 1 : 0;
  const params = {
    rows,
    cols,
    segments,
    scale: temperature > 0 ? 1 / temperature : 1,
    noise,
    top_k: topK ?? 0,
    top_p: topP ?? 0,
    ...keyParams(key),
  };
  const floors = run.zeros([rows], "u32");
  if (noise && ((topK ?? cols) < cols || (topP ?? 1) < 1)) {
    const write = groupPerRow(run.device) ? [floors] : [floors, run.empty([rows, 256])];
    const launch = { read: [logits], write, params, grid: byFloor };
    if (topK !== undefined && topK < cols) launchRows(run, block, "top_k_floor", rows, cols, launch);
    if (topP !== undefined && topP < 1) launchRows(run, block, "top_p_floor", rows, cols, launch);
  }
  const best = run.empty([rows, segments]), bestId = run.empty([rows, segments], "i32");
  run.kernel("draw", {
    read: [logits, floors, rowKeys],
    write: [best, bestId],
    params,
    overrides: { SEGMENT: segmentLength },
    grid: bySegment,
    cost: { flops: 10 * rows * cols, bytes: 4 * rows * cols },
  });
  const ids = run.empty([rows], "i32");
  run.kernel("pick", { read: [best, bestId], write: [ids], params, grid: byRow });
  return ids;
}

/** The op behind {@link sampleCategorical}. */
export const sampleCategoricalOp = defineOp({
  name: "sample_categorical",
  shader,
  shape([logits, rowKeys]: [Tensor, Tensor], { temperature, topK, topP }: SampleOptions) {
    requireDType("sample_categorical", "logits", logits, "f32");
    requireRank("sample_categorical", "logits", logits.shape, 2);
    const [rows, cols] = logits.shape as [number, number];
    requireShape("sample_categorical", "row keys", rowKeys.shape, [rows]);
    const fail = (wanted: string, got: unknown) => {
      throw new RangeError(`Cannot apply sample_categorical: ${wanted}, got ${got}`);
    };
    if (rowKeys.dtype !== "i32") fail("row keys must be i32", rowKeys.dtype);
    if (cols > longestRow) fail(`rows may hold at most ${longestRow} logits`, cols);
    if (!(temperature >= 0 && temperature < Infinity)) fail("temperature must be 0 or a positive number", temperature);
    if (topK !== undefined && !(Number.isInteger(topK) && topK > 0)) fail("top-k must be a positive integer", topK);
    if (topP !== undefined && !(topP > 0 && topP <= 1)) fail("top-p must be above 0 and at most 1", topP);
    return { rows, cols, segments: segmentsOf(cols) };
  },
  forward(run, [logits, rowKeys], options, { rows, cols, segments }) {
    const byRow = foldGrid(Math.ceil(rows / rowsPerGroup));
    const grids = {
      rows,
      cols,
      byRow,
      byFloor: groupPerRow(run.device) ? foldGrid(rows) : byRow,
      bySegment: foldGrid(Math.ceil(rows * segments / rowsPerGroup)),
    };
    return { out: drawCategorical(run, logits, rowKeys, options, grids), saved: null };
  },
});

/**
 * Class ids drawn from `softmax(logits / temperature)`, cut to top-k, then top-p: logits `[N, V]` to i32 `[N]`.
 *
 * Gumbel-max: `argmax_v logits_v / temperature + g_v`, where `g_v` depends on the key, the row's own key and v only, so
 * a row gets the same id in any batch. Probabilities are summed in float32, so the nucleus may differ from the exact
 * one where a sum comes within about 1e-6 of p. A logit of `-3.402823e38` or `-Infinity` is never drawn while the row
 * has another; NaN never.
 *
 * @param rowKeys i32 `[N]`: a number of each row, such as sample times tokens plus token.
 * @throws {RangeError} for other shapes or types, more than 32,768 classes, or options out of range.
 */
export function sampleCategorical(logits: Tensor, rowKeys: Tensor, options: SampleOptions): Tensor {
  return sampleCategoricalOp([logits, rowKeys], options);
}
