import shader from "../../shaders/elementwise_unary.wgsl" with { type: "text" };
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { vectorGrid } from "./vector_grid.ts";

/** Functions of one element. */
export type UnaryFunction =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "gelu"
  | "gelu_tanh"
  | "quick_gelu"
  | "silu"
  | "square";

/** In the order by which the kernel numbers them. */
const functions: readonly UnaryFunction[] = [
  "neg",
  "exp",
  "log",
  "sqrt",
  "rsqrt",
  "tanh",
  "sigmoid",
  "relu",
  "gelu",
  "gelu_tanh",
  "quick_gelu",
  "silu",
  "square",
];

/** Which function. */
export interface UnaryAttributes {
  /** The function. */
  readonly function: UnaryFunction;
}

/** The op behind the functions of one tensor, {@link neg} to {@link square}. */
export const elementwiseUnaryOp = defineOp({
  name: "elementwise_unary",
  shader,
  shape([x]: [Tensor], { function: name }: UnaryAttributes) {
    requireDType(name, "x", x, "f32");
    const n = Math.ceil(x.size / 4);
    const { overrides, grid } = vectorGrid(x.device, n);
    return { params: { n }, overrides: { FUNCTION: functions.indexOf(name), ...overrides }, grid };
  },
  forward(run, [x], _attributes, launch) {
    const y = run.empty(x.shape);
    run.kernel("forward", { read: [x], write: [y], ...launch });
    return { out: y, saved: { x, y, launch } };
  },
  backward(run, { x, y, launch }, dy, [wanted]) {
    if (!wanted) return [null];
    const dx = run.empty(x.shape);
    run.kernel("backward", { read: [x, y, dy], write: [dx], ...launch });
    return [dx];
  },
});

/**
 * `-x`; `dx = -dy`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function neg(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "neg" });
}

/**
 * `e^x`; `dx = dy y`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function exp(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "exp" });
}

/**
 * Natural logarithm; `dx = dy / x`. Minus infinity at 0, NaN below.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function log(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "log" });
}

/**
 * Square root; `dx = dy / (2 y)`. NaN below 0.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function sqrt(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "sqrt" });
}

/**
 * `1 / sqrt x`; `dx = -dy y^3 / 2`. Infinity at 0, NaN below.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function rsqrt(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "rsqrt" });
}

/**
 * Hyperbolic tangent; `dx = dy (1 - y^2)`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function tanh(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "tanh" });
}

/**
 * `s(x) = 1 / (1 + e^-x)`; `dx = dy y (1 - y)`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function sigmoid(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "sigmoid" });
}

/**
 * `max(x, 0)`; `dx = dy` where `x > 0`, else 0. NaN gives NaN.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function relu(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "relu" });
}

/**
 * Exact GELU, `x P(x)` with the normal distribution function `P`; `dx = dy (P(x) + x p(x))` with its density `p`
 * (Hendrycks and Gimpel, arXiv 1606.08415).
 *
 * @throws {RangeError} for an integer tensor.
 */
export function gelu(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "gelu" });
}

/**
 * GELU by `x / 2 (1 + tanh u)`, `u = sqrt(2 / pi) (x + 0.044715 x^3)` (arXiv 1606.08415); with `s = s(2 u)` of
 * {@link sigmoid}, `dx = dy (s + 2 x s (1 - s) du/dx)`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function geluTanh(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "gelu_tanh" });
}

/**
 * GELU by `x s(1.702 x)` with {@link sigmoid} (arXiv 1606.08415), the one CLIP uses; with `s = s(1.702 x)`,
 * `dx = dy (s + 1.702 x s (1 - s))`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function quickGelu(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "quick_gelu" });
}

/**
 * `x s(x)` with {@link sigmoid}, also called swish; `dx = dy (s + x s (1 - s))`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function silu(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "silu" });
}

/**
 * `x^2`; `dx = 2 dy x`.
 *
 * @throws {RangeError} for an integer tensor.
 */
export function square(x: Tensor): Tensor {
  return elementwiseUnaryOp([x], { function: "square" });
}
