import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Refuses a tensor whose elements have another type. @throws {RangeError} naming the op and the tensor. */
export function requireDType(op: string, what: string, tensor: Tensor, ...wanted: readonly DType[]): void {
  if (wanted.includes(tensor.dtype)) return;
  throw new RangeError(`Cannot apply ${op}: ${what} must hold ${wanted.join(" or ")}, got ${tensor.dtype}`);
}
