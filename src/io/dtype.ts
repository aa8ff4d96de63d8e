/** Element types of weight files and how they become host arrays. Names are those of the safetensors format. */
import { UserError } from "../error.ts";
import type { HostArray } from "../tensor/host_tensor.ts";

/** An element type that {@link decodeElements} reads. */
export type Dtype = "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U32" | "U8" | "BOOL";

/** Bytes of one element. */
export const bytesPerElement: Readonly<Record<Dtype, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U32: 4,
  U8: 1,
  BOOL: 1,
};

/** Whether `name` is an element type that {@link decodeElements} reads. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(bytesPerElement, name);
}

/**
 * Little-endian `bytes` as a host array: F16 and BF16 widened to Float32Array, I8, I16 and I64 to Int32Array, BOOL as
 * Uint8Array. The result may share memory with `bytes`. Throws UserError for an I64 that does not fit 32 bits.
 *
 * @param what the tensor and its file, for the error message
 */
export function decodeElements(dtype: Dtype, bytes: Uint8Array<ArrayBuffer>, what: string): HostArray {
  const size = bytesPerElement[dtype];
  const aligned = bytes.byteOffset % Math.min(size, 4) === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  const count = bytes.length / size;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, count);
    case "F16":
      return new Float32Array(new Float16Array(buffer, byteOffset, count));
    case "BF16":
      return widenBfloat16(new Uint16Array(buffer, byteOffset, count));
    case "I64":
      return narrowInt64(new Int32Array(buffer, byteOffset, 2 * count), what);
    case "I32":
      return new Int32Array(buffer, byteOffset, count);
    case "I16":
      return new Int32Array(new Int16Array(buffer, byteOffset, count));
    case "I8":
      return new Int32Array(new Int8Array(buffer, byteOffset, count));
    case "U32":
      return new Uint32Array(buffer, byteOffset, count);
    case "U8":
    case "BOOL":
      return aligned;
  }
}

/**
 * `data` rounded to float16, ties to even, and the index of the first finite element that became infinite, or -1.
 */
export function narrowToFloat16(data: ArrayLike<number>): { halves: Float16Array<ArrayBuffer>; overflow: number } {
  const halves = new Float16Array(data);
  const bits = new Uint16Array(halves.buffer);
  const overflow = bits.findIndex((half, i) => (half & 0x7fff) === 0x7c00 && Math.abs(data[i]!) !== Infinity);
  return { halves, overflow };
}

/** bfloat16 is the upper half of a float32. */
function widenBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** `words` are (low, high) pairs; the value fits 32 bits where the high word only repeats the sign of the low one. */
function narrowInt64(words: Int32Array, what: string): Int32Array {
  const narrow = new Int32Array(words.length / 2);
  for (let i = 0; i < narrow.length; i++) {
    const low = words[2 * i]!, high = words[2 * i + 1]!;
    if (high !== low >> 31) {
      const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
      throw new UserError(`Cannot read ${what}: element ${i} is ${value}, wanted int64 values that fit 32 bits`);
    }
    narrow[i] = low;
  }
  return narrow;
}
