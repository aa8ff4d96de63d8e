import shader from "../../shaders/gather.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { resolveAxis, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Indices one lane of the backward kernel goes through in a launch. */
const indicesPerLaunch = 32768;

/** The axis along which elements are taken. */
export interface GatherAttributes {
  /** Counted from the end where negative. */
  readonly axis: number;
}

/** The op behind {@link gather}. */
export const gatherOp = defineOp({
  name: "gather",
  shader,
  shape([x, index]: [Tensor, Tensor], { axis }: GatherAttributes) {
    requireDType("gather", "x", x, "f32");
    requireDType("gather", "index", index, "i32");
    const along = resolveAxis("gather", x.shape, axis);
    const fits = index.shape.length === x.shape.length &&
      index.shape.every((size, i) => i === along || size === x.shape[i]);
    if (!fits) {
      throw new RangeError(
        `Cannot gather along axis ${along} of ${showShape(x.shape)} by indices ${showShape(index.shape)}: ` +
          "all other sizes must match",
      );
    }
    return {
      outer: sizeOf(x.shape.slice(0, along)),
      size: x.shape[along]!,
      count: index.shape[along]!,
      inner: sizeOf(x.shape.slice(along + 1)),
    };
  },
  forward(run, [x, index], _attributes, { outer, ...sizes }) {
    const y = run.empty(index.shape);
    run.kernel("forward", {
      read: [x, index],
      write: [y],
      params: { n: y.size, ...sizes, start: 0, end: sizes.count, outside: NaN },
      grid: foldGrid(Math.ceil(y.size / 64)),
    });
    return { out: y, saved: { x, index, outer, sizes } };
  },
  backward(run, { x, index, outer, sizes }, dy, [wanted]) {
    if (!wanted) return [null, null];
    const dx = run.zeros(x.shape);
    const n = outer * sizes.inner;
    for (let start = 0; start < sizes.count; start += indicesPerLaunch) {
      const end = Math.min(start + indicesPerLaunch, sizes.count);
      run.kernel("backward_x", {
        read: [dy, index],
        write: [dx],
        params: { n, ...sizes, start, end, outside: NaN },
        grid: foldGrid(Math.ceil(n / 64)),
      });
    }
    return [dx, null];
  },
});

/**
 * Elements taken along an axis, as `numpy.take_along_axis`: `y[.., k, ..] = x[.., index[.., k, ..], ..]`. The result
 * has the shape of `index`, whose other sizes equal those of `x`. Each taken element gets the sum of its gradients,
 * added in order of `k`.
 *
 * An index below 0 or beyond the axis gives NaN, since indices live on the device and cannot be checked here; it gets
 * no gradient.
 *
 * @param index i32.
 * @param axis counted from the end where negative.
 * @throws {RangeError} for shapes or element types that do not fit.
 */
export function gather(x: Tensor, index: Tensor, axis: number): Tensor {
  return gatherOp([x, index], { axis });
}
