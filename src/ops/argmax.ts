import shader from "../../shaders/argmax.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { lastAxis, requireRank, rowsOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

const onePart = 1024;

/** The op behind {@link argmax}. */
export const argmaxOp = defineOp({
  name: "argmax",
  shader,
  shape([x]: [Tensor], _attributes: Record<never, never>) {
    requireDType("argmax", "x", x, "f32");
    requireRank("argmax", "x", x.shape, { atLeast: 1 });
    return { rows: rowsOf(x.shape), cols: lastAxis(x.shape) };
  },
  forward(run, [x], _attributes, { rows, cols }) {
    let earlier = x;
    for (let candidates = cols, LEVEL = 0;; LEVEL = 1) {
      const part = candidates <= onePart ? candidates : Math.min(onePart, Math.ceil(Math.sqrt(candidates)));
      const parts = Math.ceil(candidates / part);
      const y = run.empty(parts === 1 ? x.shape.slice(0, -1) : [rows, parts], "i32");
      run.kernel("forward", {
        read: [x, earlier],
        write: [y],
        params: { rows, cols, candidates, part, parts },
        overrides: { LEVEL },
        grid: foldGrid(Math.ceil(rows * parts / 64)),
      });
      if (parts === 1) return { out: y, saved: null };
      earlier = y;
      candidates = parts;
    }
  },
});

/**
 * Index of the largest element along the last axis, `[.., C] -> [..]` as i32: the first of equal maxima, and the first
 * NaN where there is one. No gradient.
 *
 * @throws {RangeError} for a scalar or an integer tensor.
 */
export function argmax(x: Tensor): Tensor {
  return argmaxOp([x], {});
}
