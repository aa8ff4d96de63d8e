import type { HostArray } from "./host_tensor.ts";

/** Element types on the device; all are four bytes wide. */
export type DType = "f32" | "i32" | "u32";

/** The host array type of a device type. */
export type ArrayOf<D extends DType> = D extends "f32" ? Float32Array : D extends "i32" ? Int32Array : Uint32Array;

/** Device type that holds a host array. */
export function dtypeOf(data: HostArray): DType {
  if (data instanceof Float32Array) return "f32";
  return data instanceof Int32Array ? "i32" : "u32";
}

/** The bytes of a readback as an array of the type. */
export function arrayOf(dtype: DType, bytes: ArrayBuffer): Float32Array | Int32Array | Uint32Array {
  if (dtype === "f32") return new Float32Array(bytes);
  return dtype === "i32" ? new Int32Array(bytes) : new Uint32Array(bytes);
}
