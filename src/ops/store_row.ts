import shader from "../../shaders/store_row.wgsl" with { type: "text" };
import type { Scalar } from "../gpu/params.ts";
import { foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const source = { name: "store_row", text: shader };

/**
 * Overwrites row `row` of `table` `[R, N]` with `values` `[N]`, in place and outside the tape. With a `Scalar` as row a
 * captured step leaves what it found in another row at every replay, so that one readback at the end fetches all.
 *
 * @param row at least 0 and below R; the caller keeps a `Scalar` within it.
 * @throws {RangeError} for other shapes.
 */
export function storeRow(table: Tensor, row: number | Scalar, values: Tensor): void {
  requireRank("store_row", "table", table.shape, 2);
  requireShape("store_row", "values", values.shape, [table.shape[1]!]);
  const n = values.size;
  table.device.launch(source, "forward", {
    read: [values],
    write: [table],
    params: { row, n },
    grid: foldGrid(Math.ceil(n / 32)),
  });
}
