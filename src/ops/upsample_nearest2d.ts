import shader from "../../shaders/upsample_nearest2d.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

const mostFactor = 64;

/** The op behind {@link upsampleNearest2d}. */
export const upsampleNearest2dOp = defineOp({
  name: "upsample_nearest2d",
  shader,
  shape([x]: [Tensor], { factor }: { factor: number }) {
    requireDType("upsample_nearest2d", "x", x, "f32");
    requireRank("upsample_nearest2d", "x", x.shape, 4);
    if (!Number.isInteger(factor) || factor < 1 || factor > mostFactor) {
      throw new RangeError(
        `Cannot upsample ${showShape(x.shape)}: the factor must be an integer from 1 to ${mostFactor}, got ${factor}`,
      );
    }
    const [batch, channels, h, w] = x.shape as [number, number, number, number];
    return {
      shape: [batch, channels, h * factor, w * factor],
      params: { planes: batch * channels, h, w, factor },
    };
  },
  forward(run, [x], _attributes, { shape, params }) {
    const y = run.empty(shape);
    run.kernel("forward", {
      read: [x],
      write: [y],
      params,
      grid: foldGrid(Math.ceil(y.size / 64)),
      cost: { bytes: 4 * (x.size + y.size) },
    });
    return { out: y, saved: { x, params } };
  },
  backward(run, { x, params }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(x.shape);
    run.kernel("backward_x", {
      read: [dy],
      write: [dx],
      params,
      grid: foldGrid(Math.ceil(dx.size / 64)),
      cost: { flops: dy.size, bytes: 4 * (dx.size + dy.size) },
    });
    return [dx];
  },
});

/**
 * Repeats every pixel `factor` times in both directions: `[B, C, H, W] -> [B, C, F H, F W]`, `y[.., i, j] =
 * x[.., floor(i / F), floor(j / F)]`; backward sums the gradients of a pixel's repetitions.
 *
 * @throws {RangeError} for another rank or type, and a factor that is no integer from 1 to 64.
 */
export function upsampleNearest2d(x: Tensor, factor = 2): Tensor {
  return upsampleNearest2dOp([x], { factor });
}
