import { foldGrid } from "../tensor/device.ts";
import { resolveAxis, type Shape, showShape, sizeOf, stridesOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { maxAxes, mergeAxes, walkOf } from "./broadcast.ts";
import { requireDType } from "./require_dtype.ts";

const onePart = 1024;
const lanes = 64;

/** What to reduce and how. */
export interface ReduceAttributes {
  /** The reduction. */
  readonly function: "sum" | "mean" | "max" | "variance" | "logsumexp";
  /** Axes to reduce, counted from the end where negative. */
  readonly axes: readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims: boolean;
  /** Variance divides by the number of elements less this. */
  readonly correction?: 0 | 1;
}

/** A merged axis of a tensor. */
export interface StridedAxis {
  /** Number of elements. */
  readonly size: number;
  /** Distance of neighbours in memory, in elements. */
  readonly stride: number;
}

/** Where the elements of each output lie. */
export interface Elements {
  /** Elements of one output. */
  readonly count: number;
  /** Number of outputs. */
  readonly outputs: number;
  /** Axes of the outputs. */
  readonly outer: readonly StridedAxis[];
  /** Axes along which elements are reduced. */
  readonly inner: readonly StridedAxis[];
}

/** What forward and backward need to know of a reduction. */
export interface ReducePlan extends Elements {
  /** Shape of the result. */
  readonly shape: Shape;
  /** The shape with reduced axes kept: broadcasts against x. */
  readonly kept: Shape;
  /** Factor of the finished sum: 1, `1 / n` or `1 / (n - correction)`. */
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
  const along = (flag: boolean): StridedAxis[] =>
    merged.flatMap(({ size, moves: [own] }, i) => own === flag ? [{ size, stride: strides[i]! }] : []);
  const outer = along(true), inner = along(false);
  const count = sizeOf(inner.map(({ size }) => size));
  if (name === "variance" && count <= correction) {
    throw new RangeError(
      `Cannot apply variance with correction ${correction} to ${count} element: at least ${correction + 1} are needed`,
    );
  }
  return {
    shape: keepDims ? kept : x.shape.filter((_, axis) => !reduced.has(axis)),
    kept,
    count,
    outputs: sizeOf(kept),
    outer,
    inner,
    scale: name === "mean" ? 1 / count : name === "variance" ? 1 / (count - correction) : 1,
  };
}

/** The next level's elements: `parts` partial results of each output, `[parts, outputs]`. */
export function partial(outputs: number, parts: number): Elements {
  const outer = outputs > 1 ? [{ size: outputs, stride: 1 }] : [];
  return { count: parts, outputs, outer, inner: [{ size: parts, stride: outputs }] };
}

/** How the sum kernels go through memory: element by element, or 4 at a time along rows or columns. */
export type Access = "sum" | "sum_rows" | "sum_columns";

function accessOf({ outer, inner }: Elements): Access {
  const wide = (axis: StridedAxis | undefined) => axis?.stride === 1 && axis.size % 4 === 0;
  if (wide(inner.at(-1))) return "sum_rows";
  return wide(outer.at(-1)) ? "sum_columns" : "sum";
}

/** The same axes in vectors of 4: the contiguous one gets shorter, the strides of the others with it. */
function inVectors(axes: readonly StridedAxis[]): StridedAxis[] {
  return axes.map(({ size, stride }) => stride === 1 ? { size: size / 4, stride } : { size, stride: stride / 4 });
}

/** One level of a reduction, ready to launch. */
export interface Level {
  /** Entry point, where the level sums. */
  readonly access: Access;
  /** Number of parts into which each output's elements are cut. */
  readonly parts: number;
  /** Params, overrides and grid. */
  readonly launch: {
    readonly params: Readonly<Record<string, number | readonly number[]>>;
    readonly overrides: Readonly<Record<string, number>>;
    readonly grid: readonly [number, number, number];
  };
}

/** One level: how many parts each output's elements are cut into, and the launch. */
export function level(elements: Elements, scale: number, access: Access = accessOf(elements)): Level {
  const [outer, inner] = [elements.outer, elements.inner].map((axes) => access === "sum" ? axes : inVectors(axes));
  const count = access === "sum_rows" ? elements.count / 4 : elements.count;
  const outputs = access === "sum_columns" ? elements.outputs / 4 : elements.outputs;
  // Two balanced levels up to a million steps, more beyond; a lane's loop stays within `onePart`.
  const part = count <= onePart ? count : Math.min(onePart, Math.ceil(Math.sqrt(count)));
  const parts = Math.ceil(count / part);
  const walk = (axes: readonly StridedAxis[]) => walkOf(axes.map(({ size }) => size), axes.map(({ stride }) => stride));
  const kept = walk(outer!), reduced = walk(inner!);
  return {
    access,
    parts,
    launch: {
      overrides: { KEPT: outer!.length, REDUCED: inner!.length },
      params: {
        outputs,
        elements: count,
        part,
        parts,
        width: 1,
        scale,
        kept_first: kept.first,
        kept_sizes: kept.sizes,
        kept_strides: kept.strides,
        reduced_first: reduced.first,
        reduced_sizes: reduced.sizes,
        reduced_strides: reduced.strides,
      },
      grid: foldGrid(Math.ceil(outputs * parts / lanes)),
    },
  };
}
