import shader from "../../shaders/elementwise_binary.wgsl" with { type: "text" };
import { sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Broadcast, planBroadcast } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import { sumTo } from "./reduce.ts";
import { requireDType } from "./require_dtype.ts";
import { vectorGrid } from "./vector_grid.ts";

/** Functions of two operands. */
export type BinaryFunction = "add" | "sub" | "mul" | "div" | "minimum" | "maximum";

/** In the order by which the kernel numbers them. */
const functions: readonly BinaryFunction[] = ["add", "sub", "mul", "div", "minimum", "maximum"];

/** A tensor, or a number that takes part without becoming one. */
export type Term = Tensor | number;

/** Which function, and the number that stands on one side where there is only one tensor. */
export interface BinaryAttributes {
  /** The function. */
  readonly function: BinaryFunction;
  /** The number beside a single tensor, and its side of the function. */
  readonly number?: { readonly value: number; readonly side: "left" | "right" };
}

interface Plan {
  readonly broadcast: Broadcast;
  readonly launch: {
    readonly params: Record<string, number | readonly number[]>;
    readonly overrides: Record<string, number>;
    readonly grid: readonly [number, number, number];
  };
}

function plan(inputs: readonly Tensor[], { function: name, number }: BinaryAttributes): Plan {
  inputs.forEach((input, i) => requireDType(name, inputs.length === 1 ? "x" : "ab"[i]!, input, "f32"));
  const broadcast = planBroadcast(name, inputs.map(({ shape }) => shape));
  const [a, b = a] = broadcast.operands;
  const { n, width, axes } = broadcast;
  const { overrides, grid } = broadcast.vector ? vectorGrid(inputs[0]!.device, n) : { grid: broadcast.grid };
  return {
    broadcast,
    launch: {
      params: {
        n,
        width,
        sizes: a!.walk.sizes,
        a_first: a!.walk.first,
        a_strides: a!.walk.strides,
        b_first: b!.walk.first,
        b_strides: b!.walk.strides,
        number: number?.value ?? 0,
      },
      overrides: {
        FUNCTION: functions.indexOf(name),
        A: number?.side === "left" ? 2 : a!.step,
        B: number?.side === "right" ? 2 : b!.step,
        AXES: axes,
        ...overrides,
      },
      grid,
    },
  };
}

/** The op behind {@link add}, {@link sub}, {@link mul}, {@link div}, {@link minimum} and {@link maximum}. */
export const elementwiseBinaryOp = defineOp({
  name: "elementwise_binary",
  shader,
  shape: (inputs: readonly Tensor[], attributes: BinaryAttributes): Plan => plan(inputs, attributes),
  forward(run, inputs, _attributes, { broadcast, launch }) {
    const [a, b = a] = inputs;
    const y = run.empty(broadcast.shape);
    run.kernel(broadcast.vector ? "forward" : "forward_scalar", { read: [a!, b!], write: [y], ...launch });
    return { out: y, saved: { a: a!, b: b!, inputs, broadcast, launch } };
  },
  backward(run, { a, b, inputs, broadcast, launch }, dy, wanted, { function: name, number }) {
    return inputs.map((input, i) => {
      if (!wanted[i]) return null;
      const side = number ? Number(number.side === "left") : i;
      const passes = name === "add" || (name === "sub" && side === 0);
      if (passes) return sumTo(dy, input.shape);
      if (name === "sub" && !sameShape(input.shape, dy.shape)) return mul(sumTo(dy, input.shape), -1);
      const dx = run.empty(broadcast.shape);
      run.kernel(broadcast.vector ? "backward" : "backward_scalar", {
        read: [a, b, dy],
        write: [dx],
        ...launch,
        overrides: { ...launch.overrides, SIDE: side },
      });
      return sumTo(dx, input.shape);
    });
  },
});

function apply(name: BinaryFunction, a: Term, b: Term): Tensor {
  if (typeof a !== "number") {
    if (typeof b !== "number") return elementwiseBinaryOp([a, b], { function: name });
    return elementwiseBinaryOp([a], { function: name, number: { value: b, side: "right" } });
  }
  if (typeof b !== "number") {
    return elementwiseBinaryOp([b], { function: name, number: { value: a, side: "left" } });
  }
  throw new RangeError(`Cannot ${name} ${a} and ${b}: one of them must be a tensor`);
}

/**
 * `a + b`, shapes broadcast by NumPy's rule; gradients are summed over broadcast axes: `da = dy`, `db = dy`.
 *
 * @throws {RangeError} for shapes that do not fit, two numbers, or integer tensors.
 */
export function add(a: Term, b: Term): Tensor {
  return apply("add", a, b);
}

/**
 * `a - b`, shapes broadcast by NumPy's rule: `da = dy`, `db = -dy`.
 *
 * @throws {RangeError} for shapes that do not fit, two numbers, or integer tensors.
 */
export function sub(a: Term, b: Term): Tensor {
  return apply("sub", a, b);
}

/**
 * `a b`, element by element, shapes broadcast by NumPy's rule: `da = dy b`, `db = dy a`.
 *
 * @throws {RangeError} for shapes that do not fit, two numbers, or integer tensors.
 */
export function mul(a: Term, b: Term): Tensor {
  return apply("mul", a, b);
}

/**
 * `a / b`, shapes broadcast by NumPy's rule: `da = dy / b`, `db = -dy a / b^2`.
 *
 * @throws {RangeError} for shapes that do not fit, two numbers, or integer tensors.
 */
export function div(a: Term, b: Term): Tensor {
  return apply("div", a, b);
}

/**
 * The smaller of `a` and `b`, shapes broadcast by NumPy's rule; NaN where either is NaN. The gradient goes to the
 * operand that was taken, to `a` where they are equal.
 *
 * @throws {RangeError} for shapes that do not fit, two numbers, or integer tensors.
 */
export function minimum(a: Term, b: Term): Tensor {
  return apply("minimum", a, b);
}

/**
 * The larger of `a` and `b`, shapes broadcast by NumPy's rule; NaN where either is NaN. The gradient goes to the
 * operand that was taken, to `a` where they are equal.
 *
 * @throws {RangeError} for shapes that do not fit, two numbers, or integer tensors.
 */
export function maximum(a: Term, b: Term): Tensor {
  return apply("maximum", a, b);
}
