import { foldGrid } from "../tensor/device.ts";
import { resolveAxis, type Shape, showShape, sizeOf, stridesOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { maxAxes, mergeAxes, type Walk, walkOf } from "./broadcast.ts";
import { requireDType } from "./require_dtype.ts";

const onePart = 1024;
const lanes = 64;

/** What to reduce and how. */
export interface ReduceAttributes {
  readonly function: "sum" | "mean" | "max" | "variance" | "logsumexp";
  /** Axes to reduce, counted from the end where negative. */
  readonly axes: readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims: boolean;
  /** Variance divides by the number of elements less this. */
  readonly correction?: 0 | 1;
}

/** Where the elements of each output lie. */
export interface Elements {
  readonly count: number;
  readonly outputs: number;
  readonly outputWalk: Walk;
  readonly outputAxes: number;
  readonly elementWalk: Walk;
  readonly elementAxes: number;
}

export interface ReducePlan extends Elements {
  readonly shape: Shape;
  /** The shape with reduced axes kept: broadcasts against x. */
  readonly kept: Shape;
  readonly scale: number;
}

/**
 * Merges axes and validates.
 *
 * @throws {RangeError} for an axis out of range or named twice, too few elements for a variance, integer tensors.
 */
export function planReduce(
  x: Tensor,
  { function: name, axes, keepDims, correction = 0 }: ReduceAttributes,
): ReducePlan {
  requireDType(name, "x", x, "f32");
  const reduced = new Set(axes.map((axis) => resolveAxis(name, x.shape, axis)));
  if (reduced.size < axes.length) {
    throw new RangeError(`Cannot apply ${name}: axes [${axes.join(", ")}] name one axis twice; name each once`);
  }
  const kept = x.shape.map((size, axis) => reduced.has(axis) ? 1 : size);
  const merged = mergeAxes(x.shape, [x.shape.map((_, axis) => !reduced.has(axis))]);
  if (merged.length > maxAxes) {
    throw new RangeError(
      `Cannot apply ${name} to ${showShape(x.shape)} over axes [${axes.join(", ")}]: at most ${maxAxes} alternating ` +
        `groups of kept and reduced axes, got ${merged.length}; reduce in two steps`,
    );
  }
  const strides = stridesOf(merged.map(({ size }) => size));
  const along = (flag: boolean) => {
    const own = merged.map(({ size, moves }, i) => ({ size, stride: strides[i]!, flag: moves[0] }));
    return own.filter((axis) => axis.flag === flag);
  };
  const outer = along(true), inner = along(false);
  const count = sizeOf(inner.map(({ size }) => size));
  if (name === "variance" && count <= correction) {
    throw new RangeError(
      `Cannot apply variance with correction ${correction} to ${count} element: at least ${correction + 1} are needed`,
    );
  }
  const walk = (axes: typeof outer) => walkOf(axes.map(({ size }) => size), axes.map(({ stride }) => stride));
  return {
    shape: keepDims ? kept : x.shape.filter((_, axis) => !reduced.has(axis)),
    kept,
    count,
    outputs: sizeOf(kept),
    outputWalk: walk(outer),
    outputAxes: outer.length,
    elementWalk: walk(inner),
    elementAxes: inner.length,
    scale: name === "mean" ? 1 / count : name === "variance" ? 1 / (count - correction) : 1,
  };
}

/** The next level's elements: `parts` partial results of each output, `[parts, outputs]`. */
export function partial(outputs: number, parts: number): Elements {
  return {
    count: parts,
    outputs,
    outputWalk: walkOf([outputs], [1]),
    outputAxes: 1,
    elementWalk: walkOf([parts], [outputs]),
    elementAxes: 1,
  };
}

/** One level: how many parts each output's elements are cut into, and the launch. */
export function level(elements: Elements, scale: number) {
  const { count, outputs, outputWalk, elementWalk } = elements;
  // Two balanced levels up to a million elements, more beyond; a lane's loop stays within `onePart`.
  const part = count <= onePart ? count : Math.min(onePart, Math.ceil(Math.sqrt(count)));
  const parts = Math.ceil(count / part);
  return {
    parts,
    overrides: { KEPT: elements.outputAxes, REDUCED: elements.elementAxes },
    params: {
      outputs,
      elements: count,
      part,
      parts,
      width: 1,
      scale,
      kept_first: outputWalk.first,
      kept_sizes: outputWalk.sizes,
      kept_strides: outputWalk.strides,
      reduced_first: elementWalk.first,
      reduced_sizes: elementWalk.sizes,
      reduced_strides: elementWalk.strides,
    },
    grid: foldGrid(Math.ceil(outputs * parts / lanes)),
  };
}
