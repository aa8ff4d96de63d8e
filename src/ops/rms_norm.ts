import shader from "../../shaders/rms_norm.wgsl" with { type: "text" };
import blockShader from "../../shaders/rms_norm_block.wgsl" with { type: "text" };
import laneShader from "../../shaders/rms_norm_subgroup.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, requireShape, rowsOf, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { launchRows } from "./row_kernels.ts";
import { sumParts } from "./sum_parts.ts";

const block = { name: "rms_norm_block", text: blockShader };
const lane = { name: "rms_norm_subgroup", text: laneShader };
const mostColumns = 20000; // the loops over a row share a lane's 65,535 iterations
const rowsPerPart = 64;

/** The op behind {@link rmsNorm}. */
export const rmsNormOp = defineOp({
  name: "rms_norm",
  shader,
  shape([x, gain]: [Tensor, Tensor], { eps }: { eps: number }) {
    for (const tensor of [x, gain]) requireDType("rms_norm", "every input", tensor, "f32");
    requireRank("rms_norm", "x", x.shape, { atLeast: 1 });
    const rows = rowsOf(x.shape), cols = lastAxis(x.shape);
    requireShape("rms_norm", "gain", gain.shape, [cols]);
    if (cols > mostColumns) {
      throw new RangeError(
        `Cannot normalize rows of ${showShape(x.shape)}: at most ${mostColumns} columns are supported, got ${cols}`,
      );
    }
    const parts = Math.ceil(rows / rowsPerPart);
    return { rows, cols, eps, parts, rows_per_part: rowsPerPart };
  },
  forward(run, [x, gain], _attributes, params) {
    const { rows, cols } = params;
    const y = run.empty(x.shape), scales = run.empty([rows]);
    launchRows(run, block, "forward", rows, cols, {
      lane,
      plainEntry: cols % 4 === 0 ? "forward4" : "forward",
      read: [x, gain],
      write: [y, scales],
      params,
      cost: { flops: 4 * x.size, bytes: 8 * x.size },
    });
    return { out: y, saved: { x, gain, scales, params } };
  },
  backward(run, { x, gain, scales, params }, dy, [wantX, wantGain]) {
    const { rows, cols, parts } = params;
    const read = [x, gain, dy, scales];
    let dx: Tensor | null = null, dgain: Tensor | null = null;
    if (wantX) {
      dx = run.empty(x.shape);
      launchRows(run, block, "backward_x", rows, cols, {
        lane,
        plainEntry: cols % 4 === 0 ? "backward_x4" : "backward_x",
        read,
        write: [dx],
        params,
        cost: { flops: 8 * x.size, bytes: 12 * x.size },
      });
    }
    if (wantGain) {
      const columns = cols % 4 === 0 ? 4 : 1;
      const partial = run.empty([parts, cols]);
      run.kernel(columns === 4 ? "gain_partial4" : "gain_partial", {
        read,
        write: [partial],
        params,
        grid: foldGrid(Math.ceil(parts * cols / columns / 32)),
        cost: { flops: 3 * x.size, bytes: 8 * x.size },
      });
      dgain = sumParts(partial, [cols]);
    }
    return [dx, dgain];
  },
});

/**
 * Root-mean-square normalization over the last axis: x `[.., C]`, gain `[C]`, to `[.., C]`.
 *
 * Forward `y = n gain` with `n = x / sqrt(mean(x^2) + eps)`. Backward, with `g = dy gain`:
 * `dx = (g - n mean(g n)) / sqrt(mean(x^2) + eps)`, `dgain = sum dy n` over the rows in fixed order
 * (Zhang and Sennrich 2019).
 *
 * @param eps added to the mean square, in squared units of x.
 * @throws {RangeError} for shapes or types that do not fit, and for rows longer than 20,000.
 */
export function rmsNorm(x: Tensor, gain: Tensor, eps = 1e-5): Tensor {
  return rmsNormOp([x, gain], { eps });
}
