import shader from "../../shaders/store_column.wgsl" with { type: "text" };
import type { Scalar } from "../gpu/params.ts";
import { foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireDType } from "./require_dtype.ts";

const source = { name: "store_column", text: shader };

/**
 * Overwrites `table[:, column]` with `values`, in place and outside the tape: table `[R, T, ..]`, values `[R, ..]`, of
 * any element type. With a `Scalar` as column a captured step fills the table replay by replay.
 *
 * @param column at least 0 and below T; the caller keeps a `Scalar` within it.
 * @throws {RangeError} for shapes or types that do not match.
 */
export function storeColumn(table: Tensor, column: number | Scalar, values: Tensor): void {
  requireRank("store_column", "table", table.shape, { atLeast: 2 });
  const [rows, columns, ...inner] = table.shape as [number, number, ...number[]];
  requireShape("store_column", "values", values.shape, [rows, ...inner]);
  requireDType("store_column", "values", values, table.dtype);
  table.device.launch(source, "forward", {
    read: [values],
    write: [table],
    params: { column, columns, n: sizeOf(inner), size: values.size },
    grid: foldGrid(Math.ceil(values.size / 64)),
  });
}
