import shader from "../../shaders/permute.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank, resolveAxis, type Shape, showShape, sizeOf, stridesOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { maxAxes, walkOf } from "./broadcast.ts";
import { defineOp } from "./op.ts";

/** The axes of the input in the order they have in the output. */
export interface PermuteAttributes {
  /** Output axis `k` is input axis `order[k]`. */
  readonly order: readonly number[];
}

/** Axes of the output, each with its stride in the input; axes that stay together become one. */
function walkedAxes(shape: Shape, order: readonly number[]): { size: number; stride: number }[] {
  const strides = stridesOf(shape);
  const merged: { size: number; stride: number }[] = [];
  for (const axis of order) {
    const size = shape[axis]!, stride = strides[axis]!;
    if (size === 1) continue;
    const last = merged[merged.length - 1];
    if (last && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else merged.push({ size, stride });
  }
  return merged.length ? merged : [{ size: 1, stride: 1 }];
}

function plan(shape: Shape, order: readonly number[]) {
  const merged = walkedAxes(shape, order);
  if (merged.length > maxAxes) {
    throw new RangeError(
      `Cannot permute ${showShape(shape)} to order [${
        order.join(", ")
      }]: at most ${maxAxes} groups of axes can move, ` +
        `got ${merged.length}; reshape to fewer axes`,
    );
  }
  const { size: row, stride: step } = merged.pop()!;
  const vector = step === 1 && (row % 4 === 0 || merged.length === 0);
  const unit = vector ? 4 : 1;
  const n = Math.ceil(sizeOf(shape) / unit);
  const walk = walkOf(merged.map(({ size }) => size), merged.map(({ stride }) => stride));
  return {
    shape: order.map((axis) => shape[axis]!),
    entry: vector ? "forward" : "forward_scalar",
    launch: {
      params: { n, width: Math.ceil(row / unit), step, ...walk },
      overrides: { AXES: merged.length },
      grid: foldGrid(Math.ceil(n / 64)),
    },
  };
}

/** The op behind {@link permute}. */
export const permuteOp = defineOp({
  name: "permute",
  shader,
  shape([x]: [Tensor], { order }: PermuteAttributes) {
    requireRank("permute", "x", x.shape, order.length);
    const axes = order.map((axis) => resolveAxis("permute", x.shape, axis));
    if (new Set(axes).size < axes.length) {
      throw new RangeError(
        `Cannot permute ${showShape(x.shape)} to order [${order.join(", ")}]: name every axis exactly once`,
      );
    }
    return { axes, ...plan(x.shape, axes) };
  },
  forward(run, [x], _attributes, { axes, shape, entry, launch }) {
    const y = run.empty(shape, x.dtype);
    run.kernel(entry, { read: [x], write: [y], ...launch });
    return { out: y, saved: { axes } };
  },
  backward(run, { axes }, dy, [wanted]) {
    if (!wanted) return [null];
    const { shape, entry, launch } = plan(dy.shape, axes.map((_, axis) => axes.indexOf(axis)));
    const dx = run.empty(shape);
    run.kernel(entry, { read: [dy], write: [dx], ...launch });
    return [dx];
  },
});

/**
 * The axes in another order: output axis `k` is input axis `order[k]`, as in `numpy.transpose`. The gradient is
 * permuted back. Works for every element type.
 *
 * @throws {RangeError} where `order` does not name every axis once.
 */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  return permuteOp([x], { order });
}
