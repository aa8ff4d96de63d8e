/**
 * NumPy's `.npz`: a zip of `.npy` arrays. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { type Zippable, zipSync } from "fflate";
import { parse } from "npyjs";
import { UserError } from "../error.ts";
import { writeFileAtomic } from "./atomic.ts";
import { readBytes } from "./file_error.ts";
import { unzip } from "./zip.ts";

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

/** A plain zip archive, the kind written here, ends below 4 GiB; a MiB of that is left to its headers. */
const MAX_ARRAY_BYTES = 2 ** 32 - 2 ** 20;

/**
 * `arrays` by name as the bytes of an `.npz` file, stored without compression as `numpy.savez` does; the same arrays
 * always give the same bytes. Throws UserError where they do not fit the 4 GiB of a zip archive.
 */
export function encodeNpz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array<ArrayBuffer> {
  const total = Object.values(arrays).reduce((sum, { shape, dtype }) => sum + byteLength(shape, dtype), 0);
  if (total > MAX_ARRAY_BYTES) {
    throw new UserError(`Cannot write ${total} bytes of arrays: an .npz file holds under 4 GiB; write fewer samples`);
  }
  const files: Zippable = {};
  // A fixed date, the earliest a zip archive knows, keeps the bytes reproducible.
  for (const [name, array] of Object.entries(arrays)) {
    files[`${name}.npy`] = [encodeNpy(array), { level: 0, mtime: new Date(1980, 0, 1) }];
  }
  return zipSync(files);
}

/** Writes {@link encodeNpz} to `path`, atomically. Throws UserError where the file cannot be written. */
export async function writeNpz(path: string, arrays: Readonly<Record<string, NpyArray>>): Promise<void> {
  await writeFileAtomic(path, encodeNpz(arrays));
}

/** The arrays of the `.npz` file at `path` by name. Throws UserError for a file that is missing or malformed. */
export async function readNpz(path: string): Promise<Map<string, NpyContent>> {
  return parseNpz(await readBytes(path), path);
}

/** {@link readNpz} for `bytes` in memory; `name` stands for the file in errors. */
export function parseNpz(bytes: Uint8Array<ArrayBuffer>, name: string): Map<string, NpyContent> {
  const arrays = [...unzip(bytes, name)].map(([path, npy]) => {
    const key = path.replace(/\.npy$/, "");
    return [key, parseNpy(npy.buffer, `array ${JSON.stringify(key)} of ${name}`)] as const;
  });
  return new Map(arrays);
}

/** Version 1.0: magic, header length (uint16), a Python literal padded with spaces to a multiple of 64, data. */
function encodeNpy({ dtype, shape, data }: NpyArray): Uint8Array {
  if (byteLength(shape, dtype) !== data.length * byteLength([], dtype)) {
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

function parseNpy(npy: ArrayBuffer, what: string): NpyContent {
  const { data, shape, dtype, fortranOrder } = parseWithNpyjs(npy, what);
  if (fortranOrder) throw new UserError(`Cannot read ${what}: it is in Fortran order; save np.ascontiguousarray(x)`);
  const numbers: unknown = Array.isArray(data) ? Uint8Array.from(data) : data; // bool comes as a list
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!isNpyData(numbers) || dtype.startsWith("c") || dtype.startsWith("U")) {
    throw new UserError(`Cannot read ${what}: its type is ${JSON.stringify(dtype)}, wanted plain numbers`);
  }
  if (elements !== numbers.length) {
    throw new UserError(`Cannot read ${what}: shape [${shape.join(", ")}] does not fit ${numbers.length} elements`);
  }
  return { shape, data: numbers };
}

function parseWithNpyjs(npy: ArrayBuffer, what: string) {
  try {
    return parse(npy);
  } catch (cause) {
    throw new UserError(`Cannot read ${what}: it is no .npy array of little-endian numbers`, { cause });
  }
}

function isNpyData(data: unknown): data is NpyData {
  return ArrayBuffer.isView(data) && !(data instanceof DataView);
}

function byteLength(shape: readonly number[], dtype: NpyArray["dtype"]): number {
  return shape.reduce((product, size) => product * size, Number(descriptors[dtype].at(-1)));
}
