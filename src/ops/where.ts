import shader from "../../shaders/where.wgsl" with { type: "text" };
import type { Tensor } from "../tensor/tensor.ts";
import { planBroadcast } from "./broadcast.ts";
import { defineOp } from "./op.ts";
import { sumTo } from "./reduce.ts";
import { requireDType } from "./require_dtype.ts";

/** The op behind {@link where}. */
export const whereOp = defineOp({
  name: "where",
  shader,
  shape([cond, a, b]: [Tensor, Tensor, Tensor], _attributes: Record<never, never>) {
    requireDType("where", "cond", cond, "i32", "u32");
    requireDType("where", "a", a, "f32");
    requireDType("where", "b", b, "f32");
    const { shape, vector, n, width, axes, grid, operands: [c, x, y] } = planBroadcast("choose among", [
      cond.shape,
      a.shape,
      b.shape,
    ]);
    const params = {
      n,
      width,
      sizes: c!.walk.sizes,
      cond_first: c!.walk.first,
      cond_strides: c!.walk.strides,
      a_first: x!.walk.first,
      a_strides: x!.walk.strides,
      b_first: y!.walk.first,
      b_strides: y!.walk.strides,
    };
    return {
      shape,
      suffix: vector ? "" : "_scalar",
      launch: { params, overrides: { COND: c!.step, A: x!.step, B: y!.step, AXES: axes }, grid },
    };
  },
  forward(run, [cond, a, b], _attributes, { shape, suffix, launch }) {
    const y = run.empty(shape);
    run.kernel(`forward${suffix}`, { read: [cond, a, b], write: [y], ...launch });
    return { out: y, saved: { cond, a, b, suffix, launch } };
  },
  backward(run, { cond, a, b, suffix, launch }, dy, [, ...wanted]) {
    const [da, db] = [a, b].map(({ shape }, side) => {
      if (!wanted[side]) return null;
      const dx = run.empty(dy.shape);
      const overrides = { ...launch.overrides, SIDE: side };
      run.kernel(`backward${suffix}`, { read: [cond, dy], write: [dx], ...launch, overrides });
      return sumTo(dx, shape);
    });
    return [null, da!, db!];
  },
});

/**
 * `a` where `cond` is not 0, else `b`; the three shapes are broadcast by NumPy's rule. Each operand gets the gradient
 * of the places where it was chosen, summed over broadcast axes.
 *
 * @param cond an integer mask.
 * @throws {RangeError} for shapes that do not fit, or wrong element types.
 */
export function where(cond: Tensor, a: Tensor, b: Tensor): Tensor {
  return whereOp([cond, a, b], {});
}
