import shader from "../../shaders/concat.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { resolveAxis, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** The axis along which tensors are joined. */
export interface ConcatAttributes {
  /** Counted from the end where negative. */
  readonly axis: number;
}

/** The op behind {@link concat}. */
export const concatOp = defineOp({
  name: "concat",
  shader,
  shape(inputs: readonly Tensor[], { axis }: ConcatAttributes) {
    const [first, ...rest] = inputs;
    if (!first) throw new RangeError("Cannot concatenate nothing: at least one tensor is needed");
    const along = resolveAxis("concat", first.shape, axis);
    for (const other of rest) {
      requireDType("concat", "every input", other, first.dtype);
      const fits = other.shape.length === first.shape.length &&
        other.shape.every((size, i) => i === along || size === first.shape[i]);
      if (!fits) {
        throw new RangeError(
          `Cannot concatenate ${showShape(first.shape)} and ${showShape(other.shape)} along axis ${along}: ` +
            "all other sizes must match",
        );
      }
    }
    const rows = inputs.map(({ shape }) => sizeOf(shape.slice(along)));
    const longRow = rows.reduce((a, b) => a + b, 0);
    // Starts are sums of rows, so they are multiples of 4 where all rows are.
    const unit = rows.every((row) => row % 4 === 0) ? 4 : 1;
    let start = 0;
    const launches = inputs.map(({ size }, k) => {
      const n = size / unit;
      const params = { n, row: rows[k]! / unit, long_row: longRow / unit, start: start / unit };
      start += rows[k]!;
      return { params, grid: foldGrid(Math.ceil(n / 64)) };
    });
    const joined = inputs.reduce((sum, { shape }) => sum + shape[along]!, 0);
    return {
      shape: first.shape.map((size, i) => i === along ? joined : size),
      suffix: unit === 4 ? "" : "_scalar",
      launches,
    };
  },
  forward(run, inputs, _attributes, { shape, suffix, launches }) {
    const y = run.empty(shape, inputs[0]!.dtype);
    inputs.forEach((x, k) => run.kernel(`forward${suffix}`, { read: [x], write: [y], ...launches[k]! }));
    return { out: y, saved: { inputs, suffix, launches } };
  },
  backward(run, { inputs, suffix, launches }, dy, wanted) {
    return inputs.map(({ shape }, k) => {
      if (!wanted[k]) return null;
      const dx = run.empty(shape);
      run.kernel(`backward${suffix}`, { read: [dy], write: [dx], ...launches[k]! });
      return dx;
    });
  },
});

/**
 * Tensors joined along an axis, in order; all other sizes are equal. Each input gets its part of the gradient. Works
 * for every element type.
 *
 * @param axis counted from the end where negative.
 * @throws {RangeError} for shapes or element types that do not fit, or no tensor at all.
 */
export function concat(inputs: readonly Tensor[], axis: number): Tensor {
  return concatOp(inputs, { axis });
}
