import shader from "../../shaders/layer_norm.wgsl" with { type: "text" };
import blockShader from "../../shaders/layer_norm_block.wgsl" with { type: "text" };
import laneShader from "../../shaders/layer_norm_subgroup.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, requireShape, rowsOf, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { launchRows } from "./row_kernels.ts";
import { sumParts } from "./sum_parts.ts";

const block = { name: "layer_norm_block", text: blockShader };
const lane = { name: "layer_norm_subgroup", text: laneShader };
const mostColumns = 20000; // three loops over a row share a lane's 65,535 iterations
const rowsPerPart = 64;

/** The op behind {@link layerNorm}. */
export const layerNormOp = defineOp({
  name: "layer_norm",
  shader,
  shape([x, gain, bias]: [Tensor, Tensor, Tensor], { eps }: { eps: number }) {
    for (const tensor of [x, gain, bias]) requireDType("layer_norm", "every input", tensor, "f32");
    requireRank("layer_norm", "x", x.shape, { atLeast: 1 });
    const rows = rowsOf(x.shape), cols = lastAxis(x.shape);
    requireShape("layer_norm", "gain", gain.shape, [cols]);
    requireShape("layer_norm", "bias", bias.shape, [cols]);
    if (cols > mostColumns) {
      throw new RangeError(
        `Cannot normalize rows of ${showShape(x.shape)}: at most ${mostColumns} columns are supported, got ${cols}`,
      );
    }
    const parts = Math.ceil(rows / rowsPerPart);
    return { rows, cols, eps, parts, rows_per_part: rowsPerPart };
  },
  forward(run, [x, gain, bias], _attributes, params) {
    const { rows, cols } = params;
    const y = run.empty(x.shape), stats = run.empty([rows, 2]);
    launchRows(run, block, "forward", rows, cols, {
      lane,
      plainEntry: cols % 4 === 0 ? "forward4" : "forward",
      read: [x, gain, bias],
      write: [y, stats],
      params,
      cost: { flops: 7 * x.size, bytes: 8 * x.size },
    });
    return { out: y, saved: { x, gain, stats, params } };
  },
  backward(run, { x, gain, stats, params }, dy, [wantX, wantGain, wantBias]) {
    const { rows, cols, parts } = params;
    const read = [x, gain, dy, stats];
    let dx: Tensor | null = null, dgain: Tensor | null = null, dbias: Tensor | null = null;
    if (wantX) {
      dx = run.empty(x.shape);
      launchRows(run, block, "backward_x", rows, cols, {
        lane,
        plainEntry: cols % 4 === 0 ? "backward_x4" : "backward_x",
        read,
        write: [dx],
        params,
        cost: { flops: 12 * x.size, bytes: 12 * x.size },
      });
    }
    if (wantGain || wantBias) {
      const columns = cols % 4 === 0 ? 4 : 1;
      const gains = run.empty([parts, cols]), biases = run.empty([parts, cols]);
      run.kernel(columns === 4 ? "gain_partial4" : "gain_partial", {
        read,
        write: [gains, biases],
        params,
        grid: foldGrid(Math.ceil(parts * cols / columns / 32)),
        cost: { flops: 5 * x.size, bytes: 8 * x.size },
      });
      if (wantGain) dgain = sumParts(gains, [cols]);
      if (wantBias) dbias = sumParts(biases, [cols]);
    }
    return [dx, dgain, dbias];
  },
});

/**
 * Layer normalization over the last axis: x `[.., C]`, gain and bias `[C]`, to `[.., C]`.
 *
 * Forward `y = n gain + bias` with `n = (x - mean) / sqrt(var + eps)`, mean and (biased) variance of each row. Backward,
 * with `g = dy gain`: `dx = (g - mean(g) - n mean(g n)) / sqrt(var + eps)`, `dgain = sum dy n`, `dbias = sum dy` over
 * the rows in fixed order (Ba, Kiros and Hinton 2016).
 *
 * @param eps added to the variance, in squared units of x.
 * @throws {RangeError} for shapes or types that do not fit, and for rows longer than 20,000.
 */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  return layerNormOp([x, gain, bias], { eps });
}
