import shader from "../../shaders/slice.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { resolveAxis, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";

/** A range of an axis: `start` included, `end` not. */
export interface SliceAttributes {
  /** Counted from the end where negative. */
  readonly axis: number;
  /** First index taken. */
  readonly start: number;
  /** One beyond the last index taken. */
  readonly end: number;
}

/** The op behind {@link slice}. */
export const sliceOp = defineOp({
  name: "slice",
  shader,
  shape([x]: [Tensor], { axis, start, end }: SliceAttributes) {
    const along = resolveAxis("slice", x.shape, axis);
    const size = x.shape[along]!;
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end && end <= size)) {
      throw new RangeError(
        `Cannot slice ${start} to ${end} of axis ${along} of shape ${showShape(x.shape)}: ` +
          `wanted integers 0 <= start < end <= ${size}`,
      );
    }
    const shape = x.shape.with(along, end - start);
    const inner = sizeOf(x.shape.slice(along + 1));
    const sizes = [(end - start) * inner, size * inner, start * inner];
    const unit = sizes.every((n) => n % 4 === 0) ? 4 : 1;
    const [row, long_row, first] = sizes.map((n) => n / unit);
    const launch = (elements: number) => ({
      params: { n: elements / unit, row: row!, long_row: long_row!, start: first! },
      grid: foldGrid(Math.ceil(elements / unit / 64)),
    });
    return { shape, suffix: unit === 4 ? "" : "_scalar", launch };
  },
  forward(run, [x], _attributes, { shape, suffix, launch }) {
    const y = run.empty(shape, x.dtype);
    run.kernel(`forward${suffix}`, { read: [x], write: [y], ...launch(y.size) });
    return { out: y, saved: { x, suffix, launch } };
  },
  backward(run, { x, suffix, launch }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(x.shape);
    run.kernel(`backward${suffix}`, { read: [dy], write: [dx], ...launch(x.size) });
    return [dx];
  },
});

/**
 * The elements `start <= i < end` along an axis. The gradient is `dy` there and 0 elsewhere. Works for every element
 * type.
 *
 * @param axis counted from the end where negative.
 * @throws {RangeError} for an axis or a range outside the shape, or an empty range.
 */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  return sliceOp([x], { axis, start, end });
}
