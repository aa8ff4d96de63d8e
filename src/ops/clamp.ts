import shader from "../../shaders/clamp.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Bounds of a clamp, both inclusive; infinities leave a side open. */
export interface ClampAttributes {
  /** Smallest value; `-Infinity` for none. */
  readonly low: number;
  /** Largest value; `Infinity` for none. */
  readonly high: number;
}

/** The op behind {@link clamp}. */
export const clampOp = defineOp({
  name: "clamp",
  shader,
  shape([x]: [Tensor], { low, high }: ClampAttributes) {
    requireDType("clamp", "x", x, "f32");
    if (!(low <= high)) {
      throw new RangeError(`Cannot clamp to [${low}, ${high}]: the lower bound must not exceed the upper one`);
    }
    const n = Math.ceil(x.size / 4);
    return { params: { n, low, high }, grid: foldGrid(Math.ceil(n / 64)) };
  },
  forward(run, [x], _attributes, launch) {
    const y = run.empty(x.shape);
    run.kernel("forward", { read: [x], write: [y], ...launch });
    return { out: y, saved: { x, launch } };
  },
  backward(run, { x, launch }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(x.shape);
    run.kernel("backward", { read: [x, dy], write: [dx], ...launch });
    return [dx];
  },
});

/**
 * `min(max(x, low), high)`; `dx = dy` where `low <= x <= high`, else 0. NaN gives NaN.
 *
 * @throws {RangeError} for `low > high`, or an integer tensor.
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return clampOp([x], { low, high });
}
