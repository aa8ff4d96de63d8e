/** NumPy's `.npy`: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { writeFileAtomic } from "./atomic.ts";
import { readBytes } from "./file_error.ts";
import { bytesByDtype, type NpyDtype, parseNpyHeader } from "./npy_header.ts";

/** An array to write: row-major `data` of `shape`; Int32Array is widened where `dtype` is int64. */
export type NpyArray =
  | { readonly dtype: "uint8"; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: "float32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "int64"; readonly shape: readonly number[]; readonly data: Int32Array };

/** An array that was read: any of NumPy's plain number types, row-major; bool as Uint8Array, float16 as Float32Array. */
export interface NpyContent {
  /** Sizes of the axes; none for a single number. */
  readonly shape: readonly number[];
  /** The numbers, row-major. */
  readonly data: NpyData;
}

/** The array types of {@link NpyContent}. */
export type NpyData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

const descriptors = { uint8: "|u1", float32: "<f4", int64: "<i8" } as const;

/** Bytes of an array's elements. */
export function npyByteLength({ shape, dtype }: Pick<NpyArray, "shape" | "dtype">): number {
  return shape.reduce((product, size) => product * size, Number(descriptors[dtype].at(-1)));
}

/** Version 1.0: magic, header length (uint16), a Python literal padded with spaces to a multiple of 64, data. */
export function encodeNpy(array: NpyArray): Uint8Array<ArrayBuffer> {
  const { dtype, shape, data } = array;
  if (npyByteLength(array) !== data.length * npyByteLength({ shape: [], dtype })) {
    throw new Error(`Cannot write an array: shape [${shape}] does not fit ${data.length} elements`);
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const literal = `{'descr': '${descriptors[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const preamble = 10;
  const headerEnd = Math.ceil((preamble + literal.length + 1) / 64) * 64;
  const payload = dtype === "int64" ? BigInt64Array.from(data, BigInt) : data;
  const npy = new Uint8Array(headerEnd + payload.byteLength);
  npy.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0]);
  new DataView(npy.buffer).setUint16(8, headerEnd - preamble, true);
  npy.set(new TextEncoder().encode(literal.padEnd(headerEnd - preamble - 1) + "\n"), preamble);
  npy.set(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength), headerEnd);
  return npy;
}

/** Writes {@link encodeNpy} to `path`, atomically. Throws UserError where the file cannot be written. */
export async function writeNpy(path: string, array: NpyArray): Promise<void> {
  await writeFileAtomic(path, encodeNpy(array));
}

/** The array in the `.npy` file at `path`. Throws UserError for a file that is missing or malformed. */
export async function readNpy(path: string): Promise<NpyContent> {
  return parseNpy(await readBytes(path), path);
}

/**
 * The array in `bytes`, with which it may share memory. Throws UserError, naming `what`, for anything but an array of
 * plain little-endian numbers in row-major order with as many bytes as its shape takes.
 */
export function parseNpy(bytes: Uint8Array<ArrayBuffer>, what: string): NpyContent {
  const { dtype, shape, dataStart } = parseNpyHeader(bytes, bytes.length, what);
  const data = bytes.subarray(dataStart);
  return { shape, data: decodeNumbers(dtype, data.byteOffset % bytesByDtype[dtype] === 0 ? data : data.slice()) };
}

function decodeNumbers(dtype: NpyDtype, { buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): NpyData {
  const count = byteLength / bytesByDtype[dtype];
  switch (dtype) {
    case "bool":
    case "uint8":
      return new Uint8Array(buffer, byteOffset, count);
    case "int8":
      return new Int8Array(buffer, byteOffset, count);
    case "int16":
      return new Int16Array(buffer, byteOffset, count);
    case "uint16":
      return new Uint16Array(buffer, byteOffset, count);
    case "int32":
      return new Int32Array(buffer, byteOffset, count);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, count);
    case "int64":
      return new BigInt64Array(buffer, byteOffset, count);
    case "uint64":
      return new BigUint64Array(buffer, byteOffset, count);
    case "float16":
      return new Float32Array(new Float16Array(buffer, byteOffset, count));
    case "float32":
      return new Float32Array(buffer, byteOffset, count);
    case "float64":
      return new Float64Array(buffer, byteOffset, count);
  }
}
