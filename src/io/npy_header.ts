/** The header of a `.npy` array, which can be read without the array. */
import { UserError } from "../error.ts";
import { quoted } from "./quoted.ts";

/** Types of NumPy that are read, by their name there; float16 and bool as wider arrays. */
export type NpyDtype = keyof typeof bytesByDtype;

/** Bytes of an element. */
export const bytesByDtype = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
} as const;

/** What the header says. */
export interface NpyHeader {
  /** Type of the elements. */
  readonly dtype: NpyDtype;
  /** Sizes of the axes; none for a single number. */
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataStart: number;
  /** Bytes that they take. */
  readonly dataBytes: number;
}

const MAGIC = [0x93, ...new TextEncoder().encode("NUMPY")];

/** NumPy's own limit on headers that it reads without being told to trust the file. */
const MAX_HEADER_BYTES = 10_000;

/** No header that is read ends behind this byte: what {@link parseNpyHeader} needs of a file. */
export const NPY_HEADER_BYTES = 12 + MAX_HEADER_BYTES;

const kinds: Readonly<Record<string, string>> = { b: "bool", i: "int", u: "uint", f: "float" };

/**
 * Reads the header from the first bytes of an array of `size` bytes: the first {@link NPY_HEADER_BYTES}, or all where
 * there are fewer. Throws UserError, naming `what`, for other formats, types other than plain little-endian numbers,
 * Fortran order, and a shape that does not take the bytes that are there.
 */
export function parseNpyHeader(bytes: Uint8Array<ArrayBuffer>, size: number, what: string): NpyHeader {
  const fail = (reason: string) => new UserError(`Cannot read ${what}: ${reason}`);
  if (bytes.length < 10 || !MAGIC.every((byte, i) => bytes[i] === byte)) throw fail("it is no .npy array");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] !== 1; // version 1 has a length of 2 bytes, versions 2 and 3 of 4
  if (![1, 2, 3].includes(bytes[6]!)) throw fail(`its format version is ${bytes[6]}, wanted 1, 2 or 3`);
  if (wide && bytes.length < 12) throw fail("it is cut short");
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (length > MAX_HEADER_BYTES) {
    throw fail(`its header claims ${length} bytes, more than the ${MAX_HEADER_BYTES} allowed`);
  }
  const start = wide ? 12 : 10, dataStart = start + length;
  if (dataStart > bytes.length) throw fail("it is cut short");
  const { descr, fortranOrder, shape } = parseLiteral(new TextDecoder().decode(bytes.subarray(start, dataStart)), fail);
  const dtype = dtypeOf(descr, fail);
  if (fortranOrder && shape.length > 1) throw fail("it is in Fortran order; save np.ascontiguousarray(x)");
  const elements = shape.reduce((product, n) => product * n, 1);
  const dataBytes = elements * bytesByDtype[dtype];
  if (dataBytes !== size - dataStart) {
    throw fail(`shape [${shape.join(", ")}] of ${dtype} takes ${dataBytes} bytes, but ${size - dataStart} are there`);
  }
  return { dtype, shape, dataStart, dataBytes };
}

/** The Python literal that NumPy writes, `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, in any order. */
function parseLiteral(literal: string, fail: (reason: string) => UserError) {
  const descr = /'descr':\s*(?:'([^']*)'|(\[))/.exec(literal);
  const order = /'fortran_order':\s*(True|False)/.exec(literal);
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(literal);
  if (!descr || !order || !shape) throw fail("its header does not give descr, fortran_order and shape");
  if (descr[2]) throw fail("it is a structured array, wanted plain numbers");
  const sizes = shape[1]!.split(",").map((size) => size.trim()).filter((size) => size !== "").map(Number);
  if (!sizes.every(Number.isSafeInteger)) throw fail("its shape is not a tuple of sizes");
  return { descr: descr[1]!, fortranOrder: order[1] === "True", shape: sizes };
}

function dtypeOf(descr: string, fail: (reason: string) => UserError): NpyDtype {
  const [, order, kind, bytes] = /^([<>|=]?)([a-zA-Z])(\d+)?$/.exec(descr) ?? [];
  const name = `${kinds[kind ?? ""]}${kind === "b" ? "" : 8 * Number(bytes)}`;
  if (!isNpyDtype(name) || (kind === "b" && bytes !== "1")) {
    throw fail(`its type is ${quoted(descr)}, wanted plain numbers`);
  }
  if (order === ">") throw fail(`its numbers are big-endian; save x.astype("${name}")`);
  return name;
}

function isNpyDtype(name: string): name is NpyDtype {
  return Object.hasOwn(bytesByDtype, name);
}
