import { broadcastShapes } from "../../src/tensor/shape.ts";
import { Ref } from "./ref.ts";

/** `x` repeated to `shape` by NumPy's rule. */
export function broadcastTo(x: Ref, shape: readonly number[]): Ref {
  const missing = shape.length - x.shape.length;
  return Ref.from(shape, (index) => x.at(...x.shape.map((size, axis) => size === 1 ? 0 : index[missing + axis]!)));
}

/** All of `xs` repeated to their common shape. */
export function broadcastAll(xs: readonly Ref[]): Ref[] {
  const shape = xs.map((x) => x.shape).reduce((a, b) => broadcastShapes("test", a, b));
  return xs.map((x) => broadcastTo(x, shape));
}

/** The adjoint of `broadcastTo`: sums `grad` down to `shape`. */
export function sumBack(grad: Ref, shape: readonly number[]): Ref {
  const out = new Ref(shape);
  const missing = grad.shape.length - shape.length;
  Ref.from(grad.shape, (index) => {
    out.add(shape.map((size, axis) => size === 1 ? 0 : index[missing + axis]!), grad.at(...index));
    return 0;
  });
  return out;
}
