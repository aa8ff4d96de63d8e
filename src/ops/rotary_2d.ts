import shader from "../../shaders/rotary_2d.wgsl" with { type: "text" };
import { type Device, foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Attributes of {@link rotary2dOp}. */
export interface Rotary2dAttributes {
  /** Cells in a row of the grid. */
  readonly width: number;
}

/** The op behind {@link rotary2d}. */
export const rotary2dOp = defineOp({
  name: "rotary_2d",
  shader,
  shape([x, cells, table]: readonly [Tensor, Tensor, Tensor], { width }: Rotary2dAttributes) {
    requireRank("rotary_2d", "x", x.shape, 4);
    requireDType("rotary_2d", "x", x, "f32");
    requireDType("rotary_2d", "cells", cells, "i32");
    const [batch, heads, tokens, d] = x.shape as [number, number, number, number];
    requireHeadSize(d);
    if (cells.shape.length !== 1) requireShape("rotary_2d", "cells", cells.shape, [batch, tokens]);
    else requireShape("rotary_2d", "cells", cells.shape, [tokens]);
    requireRank("rotary_2d", "table", table.shape, 3);
    requireShape("rotary_2d", "table", table.shape, [table.shape[0]!, d / 4, 2]);
    if (!Number.isInteger(width) || width < 1 || width > table.shape[0]!) {
      throw new RangeError(
        `Cannot apply rotary_2d: grid width must be 1 to ${table.shape[0]}, the positions of the table, got ${width}`,
      );
    }
    const lanes = batch * tokens * d / 2;
    const cellStride = cells.shape.length === 2 ? tokens : 0;
    return {
      params: { lanes, heads, tokens, pairs: d / 2, positions: table.shape[0]!, width, cell_stride: cellStride },
      grid: foldGrid(Math.ceil(lanes / 64)),
      cost: { flops: 3 * x.size, bytes: 8 * x.size },
    };
  },
  forward(run, [x, cells, table], _attributes, launch) {
    const y = run.empty(x.shape);
    run.kernel("forward", { read: [x, cells, table], write: [y], ...launch });
    return { out: y, saved: { cells, table, launch } };
  },
  backward(run, { cells, table, launch }, dy, [wanted]) {
    if (!wanted) return [null, null, null];
    const dx = run.empty(dy.shape);
    run.kernel("backward_x", { read: [dy, cells, table], write: [dx], ...launch });
    return [dx, null, null];
  },
});

function requireHeadSize(d: number): void {
  if (d > 0 && d % 4 === 0) return;
  throw new RangeError(`Cannot apply rotary_2d: head size must be a multiple of 4 (pairs on two axes), got ${d}`);
}

/**
 * The angles of {@link rotary2d}: `[P, D / 4, 2]` with (cos, sin) of `position * base^(-4 m / D)` for position 0 to
 * P - 1 and m = 0 to D / 4 - 1, computed in float64. Made once per model: P is the larger side of the grid.
 *
 * The frequencies are those of `precompute_freqs_cis_2d` in the published code of LlamaGen and ARPG, with
 * `1 / base^(2 m / (D / 2))`.
 *
 * @throws {RangeError} for a head size that is not a multiple of 4.
 */
export function rotaryTable2d(device: Device, positions: number, headSize: number, base = 10000): Tensor {
  return device.tensor(rotaryAngles2d(positions, headSize, base), [positions, headSize / 4, 2]);
}

/** The numbers of {@link rotaryTable2d} on the host. */
export function rotaryAngles2d(positions: number, headSize: number, base = 10000): Float32Array {
  requireHeadSize(headSize);
  const quarter = headSize / 4;
  const table = new Float32Array(positions * quarter * 2);
  for (let i = 0; i < positions * quarter; i++) {
    const angle = Math.floor(i / quarter) * base ** (-(i % quarter) / quarter);
    table[2 * i] = Math.cos(angle);
    table[2 * i + 1] = Math.sin(angle);
  }
  return table;
}

/**
 * Rotary embedding of cells of a grid, x `[B, H, T, D]` -> `[B, H, T, D]`: adjacent pairs of the head's first half turn
 * by the cell's row, those of the second half by its column, times the pair's frequency.
 *
 * Forward `(x0 cos a - x1 sin a, x1 cos a + x0 sin a)`, backward the inverse rotation. A negative cell is a slot without
 * place (the class token): its output and gradient are zero, as for a cell beyond the table.
 *
 * @param cells i32 `[T]` or `[B, T]`: `row * width + column`.
 * @param table of {@link rotaryTable2d}; it gets no gradient.
 * @param width cells in a row of the grid.
 * @throws {RangeError} for shapes or types that do not match, or a head size that is not a multiple of 4.
 */
export function rotary2d(x: Tensor, cells: Tensor, table: Tensor, width: number): Tensor {
  return rotary2dOp([x, cells, table], { width });
}
