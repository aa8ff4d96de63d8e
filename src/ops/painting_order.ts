import shader from "../../shaders/painting_order.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Largest canvas: a lane goes through it once and is stopped silently after 65,535 iterations. */
const mostCells = 65535;

/** The op behind {@link paintingOrder}. */
export const paintingOrderOp = defineOp({
  name: "painting_order",
  shader,
  shape([painted]: readonly [Tensor], _attributes: Record<never, never>) {
    requireDType("painting_order", "painted", painted, "i32");
    requireRank("painting_order", "painted", painted.shape, 2);
    const length = painted.shape[1]!;
    if (length > mostCells) {
      throw new RangeError(`Cannot apply painting_order: wanted at most ${mostCells} cells, got ${length}`);
    }
    return { n: painted.size, length };
  },
  forward(run, [painted], _attributes, params) {
    const { shape } = painted;
    const out = [run.empty(shape, "i32"), run.empty(shape, "i32"), run.empty(shape), run.empty(shape)] as const;
    run.kernel("forward", {
      read: [painted],
      write: out,
      params,
      grid: foldGrid(Math.ceil(params.n / 64)),
      cost: { bytes: (4 * params.length + 20) * params.n },
    });
    return { out, saved: null };
  },
});

/** What {@link paintingOrder} gives, each `[B, N]` in the order of painting. */
export interface PaintingOrder {
  /** i32: the cell that was painted i-th; a permutation in each row. */
  readonly order: Tensor;
  /** i32, ascending: the step in which it was painted, as `Arpg.forward` takes it. Every known cell is a step of its own. */
  readonly steps: Tensor;
  /** Share of the canvas that is painted once its step is done, which linear guidance goes by. */
  readonly share: Tensor;
  /** 1 for a cell that was drawn, 0 for one that was known. */
  readonly drawn: Tensor;
}

/**
 * How canvases were painted in parallel (ARPG, arXiv 2503.10568, section 3.3), from what a decoder leaves behind. Cells of
 * one step come in raster order: they were read together, so any order among them is as good. Known cells come first, in
 * raster order, as `knownFirst` puts them. No gradient.
 *
 * @param painted i32 `[B, N]`: the step in which a cell was painted, negative where it was known.
 * @throws {RangeError} for another shape or type, or more than 65,535 cells.
 */
export function paintingOrder(painted: Tensor): PaintingOrder {
  const [order, steps, share, drawn] = paintingOrderOp([painted], {});
  return { order, steps, share, drawn };
}
