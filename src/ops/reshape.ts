import type { Shape } from "../tensor/shape.ts";
import { recordNode } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The same elements, in row-major order, under another shape. Costs nothing: the result shares the memory of `x`, and
 * the gradient is `dy` under the shape of `x`.
 *
 * @throws {RangeError} for a shape with another number of elements.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const y = x.view(shape);
  recordNode({ op: "reshape", inputs: [x], outputs: [y], backward: ([dy]) => [dy ? dy.view(x.shape) : null] });
  return y;
}
