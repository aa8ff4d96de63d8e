import shader from "../../shaders/reduce.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { sameShape, type Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { planBroadcast } from "./broadcast.ts";
import { defineOp, type Run } from "./op.ts";
import { type Elements, level, partial, planReduce, type ReduceAttributes, type ReducePlan } from "./reduce_plan.ts";

const terms = { x: 0, squaredDeviation: 1, exponential: 2, atPosition: 3 };
const folds = { sum: 0, maximum: 1 };
const finishes = { none: 0, scale: 1, log: 2 };

interface Fold {
  readonly term?: number;
  readonly fold?: number;
  readonly finish: number;
  /** What `term` or `finish` needs of each output. */
  readonly pivot?: Tensor;
}

/** Folds elements by levels: terms at the first, partial results at the others. */
function foldByLevels(run: Run, x: Tensor, all: ReducePlan, options: Fold): Tensor {
  const { term = terms.x, fold = folds.sum, finish, pivot = x } = options;
  let elements: Elements = all;
  for (let source = x, TERM = term;; TERM = terms.x) {
    const { access, parts, launch } = level(elements, all.scale);
    const out = run.empty(parts === 1 ? all.shape : [parts, all.outputs]);
    const FINISH = parts === 1 ? finish : finishes.none;
    const overrides = { ...launch.overrides, TERM, FOLD: fold, FINISH };
    run.kernel(access, { read: [source, pivot], write: [out], ...launch, overrides });
    if (parts === 1) return out;
    source = out;
    elements = partial(all.outputs, parts);
  }
}

/** Finds the maxima and their positions in x by levels. */
function maxByLevels(run: Run, x: Tensor, all: ReducePlan): { value: Tensor; position: Tensor } {
  let elements: Elements = all;
  for (let earlier = x, first = true;; first = false) {
    const { parts, launch } = level(elements, 1, "sum");
    const value = run.empty(parts === 1 ? all.shape : [parts, all.outputs]);
    const position = run.empty(value.shape, "u32");
    const overrides = { ...launch.overrides, LEVEL: first ? 0 : 1 };
    run.kernel("maximum", { read: [x, earlier], write: [value, position], ...launch, overrides });
    if (parts === 1) return { value, position };
    earlier = position;
    elements = partial(all.outputs, parts);
  }
}

/** The op behind {@link sum}, {@link mean}, {@link max}, {@link variance} and {@link logsumexp}. */
export const reduceOp = defineOp({
  name: "reduce",
  shader,
  shape: ([x]: [Tensor], attributes: ReduceAttributes): ReducePlan => planReduce(x, attributes),
  forward(run, [x], { function: name }, all) {
    if (name === "max") {
      const { value, position } = maxByLevels(run, x, all);
      return { out: value, saved: { x, all, term: terms.atPosition, kept: position } };
    }
    if (name === "logsumexp") {
      const pivot = foldByLevels(run, x, all, { fold: folds.maximum, finish: finishes.none });
      const y = foldByLevels(run, x, all, { term: terms.exponential, finish: finishes.log, pivot });
      return { out: y, saved: { x, all, term: terms.exponential, kept: y } };
    }
    const finish = finishes.scale;
    if (name !== "variance") {
      return { out: foldByLevels(run, x, all, { finish }), saved: { x, all, term: terms.x, kept: x } };
    }
    const pivot = foldByLevels(run, x, { ...all, scale: 1 / all.count }, { finish });
    const y = foldByLevels(run, x, all, { term: terms.squaredDeviation, finish, pivot });
    return { out: y, saved: { x, all, term: terms.squaredDeviation, kept: pivot } };
  },
  backward(run, { x, all, term, kept }, dy, [wanted], { function: name }) {
    if (!wanted) return [null];
    const dx = run.empty(x.shape);
    const { axes, row, operands: [, output] } = planBroadcast(name, [x.shape, all.kept]);
    const { walk, step } = output!;
    const { params } = level(all, all.scale, "sum").launch;
    run.kernel("backward", {
      read: [x, kept, dy],
      write: [dx],
      params: {
        ...params,
        elements: x.size,
        width: row,
        kept_first: walk.first,
        kept_sizes: walk.sizes,
        kept_strides: walk.strides,
      },
      overrides: { TERM: term, KEPT: axes, STEP: step },
      grid: foldGrid(Math.ceil(x.size / 64)),
    });
    return [dx];
  },
});

/** One axis or several, counted from the end where negative. */
export type Axes = number | readonly number[];

function reduce(
  name: ReduceAttributes["function"],
  x: Tensor,
  axes: Axes | undefined,
  keepDims: boolean,
  correction?: 0 | 1,
) {
  const list = axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === "number" ? [axes] : axes;
  return reduceOp([x], { function: name, axes: list, keepDims, ...(correction === undefined ? {} : { correction }) });
}

/**
 * Sum over axes (all of them where left out, which gives shape `[]`), `dx = dy`. Summed pairwise by levels, so that
 * rounding errors stay small for a million elements.
 *
 * @param keepDims keep reduced axes with size 1.
 * @throws {RangeError} for an axis out of range or named twice, or an integer tensor.
 */
export function sum(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("sum", x, axes, keepDims);
}

/**
 * Mean over axes (all of them where left out), `dx = dy / n`.
 *
 * @throws {RangeError} as for {@link sum}.
 */
export function mean(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("mean", x, axes, keepDims);
}

/**
 * Largest element over axes (all of them where left out); NaN where an element is NaN. The gradient goes to the first
 * of equal maxima, in row-major order.
 *
 * @throws {RangeError} as for {@link sum}.
 */
export function max(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("max", x, axes, keepDims);
}

/**
 * Variance over axes (all of them where left out): `sum (x - mean)^2 / (n - correction)`, in two passes;
 * `dx = 2 dy (x - mean) / (n - correction)`.
 *
 * @param correction 0 for the population variance, 1 for the unbiased estimate.
 * @throws {RangeError} as for {@link sum}, and for one element with correction 1.
 */
export function variance(x: Tensor, correction: 0 | 1, axes?: Axes, keepDims = false): Tensor {
  return reduce("variance", x, axes, keepDims, correction);
}

/**
 * `log sum exp x` over axes (all of them where left out), safe for large elements: `m + log sum exp(x - m)`,
 * `dx = dy exp(x - y)`.
 *
 * @throws {RangeError} as for {@link sum}.
 */
export function logsumexp(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce("logsumexp", x, axes, keepDims);
}

/** Sums a gradient over the axes along which `shape` was broadcast to it. Used by backward passes, outside the tape. */
export function sumTo(grad: Tensor, shape: Shape): Tensor {
  if (sameShape(grad.shape, shape)) return grad;
  const missing = grad.shape.length - shape.length;
  const axes = grad.shape.flatMap((size, axis) =>
    axis < missing || (shape[axis - missing] === 1 && size > 1) ? [axis] : []
  );
  return sum(grad, axes, false).view(shape);
}
