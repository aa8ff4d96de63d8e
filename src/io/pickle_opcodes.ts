/**
 * An allow-list of pickle opcodes: those that `torch.save` and Python's pickler of plain data write. The ones left out
 * (old text forms, class instances by name, extension codes, attributes on dictionaries) are where parsers go astray.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { UserError } from "../error.ts";

/**
 * What follows an opcode: a number of bytes; `u8`, `u32` or `u64`, a length and that many bytes; `integer`, a length
 * and an integer of at most 8 bytes; `lines`, two lines of text.
 */
type Argument = number | "u8" | "u32" | "u64" | "integer" | "lines";

const BUILD = 0x62, STOP = 0x2e;

const argumentsByOpcode: ReadonlyMap<number, Argument> = new Map<number, Argument>([
  [0x80, 1], // PROTO
  [0x95, 8], // FRAME
  [0x28, 0], // MARK
  [STOP, 0],
  [0x4e, 0], // NONE
  [0x88, 0], // NEWTRUE
  [0x89, 0], // NEWFALSE
  [0x4a, 4], // BININT
  [0x4b, 1], // BININT1
  [0x4d, 2], // BININT2
  [0x8a, "integer"], // LONG1
  [0x47, 8], // BINFLOAT
  [0x58, "u32"], // BINUNICODE
  [0x8c, "u8"], // SHORT_BINUNICODE
  [0x8d, "u64"], // BINUNICODE8
  [0x42, "u32"], // BINBYTES
  [0x43, "u8"], // SHORT_BINBYTES
  [0x29, 0], // EMPTY_TUPLE
  [0x85, 0], // TUPLE1
  [0x86, 0], // TUPLE2
  [0x87, 0], // TUPLE3
  [0x74, 0], // TUPLE
  [0x5d, 0], // EMPTY_LIST
  [0x61, 0], // APPEND
  [0x65, 0], // APPENDS
  [0x7d, 0], // EMPTY_DICT
  [0x73, 0], // SETITEM
  [0x75, 0], // SETITEMS
  [0x8f, 0], // EMPTY_SET
  [0x90, 0], // ADDITEMS
  [0x91, 0], // FROZENSET
  [0x71, 1], // BINPUT
  [0x72, 4], // LONG_BINPUT
  [0x94, 0], // MEMOIZE
  [0x68, 1], // BINGET
  [0x6a, 4], // LONG_BINGET
  [0x63, "lines"], // GLOBAL
  [0x93, 0], // STACK_GLOBAL
  [0x81, 0], // NEWOBJ
  [0x52, 0], // REDUCE
  [BUILD, 0],
  [0x51, 0], // BINPERSID
]);

/** A pickle of a thousand tensors and an optimiser's state has about a MiB. */
export const MAX_PICKLE_BYTES = 2 ** 24;

/** BUILD may copy a dictionary as long as the pickle, again and again: this bounds all the copying. */
const MAX_BUILD_BYTES = 5e7;

/** Throws UserError, naming `file`, where `pickle` holds anything but whole opcodes of the list up to the final STOP. */
export function checkOpcodes(pickle: Uint8Array, file: string): void {
  const fail = (reason: string) => new UserError(`Cannot read ${file}: its pickle ${reason}`);
  if (pickle.length > MAX_PICKLE_BYTES) throw fail(`has more than the ${MAX_PICKLE_BYTES} bytes allowed`);
  const view = new DataView(pickle.buffer, pickle.byteOffset, pickle.byteLength);
  let builds = 0;
  for (let at = 0; at < pickle.length;) {
    const opcode = pickle[at]!;
    const argument = argumentsByOpcode.get(opcode);
    if (argument === undefined) {
      const code = `0x${opcode.toString(16).padStart(2, "0")}`;
      throw fail(`holds the opcode ${code} at byte ${at}, which weights do not need; re-save the state dict alone`);
    }
    const end = argumentEnd(view, at + 1, argument);
    if (end > pickle.length) throw fail("is cut short or damaged");
    if (argument === "integer" && !isExact(pickle.subarray(at + 2, end))) {
      throw fail(`holds an integer beyond 2^53 at byte ${at}`);
    }
    if (opcode === BUILD && ++builds * pickle.length > MAX_BUILD_BYTES) {
      throw fail(`sets attributes ${builds} times and more, which weights do not need`);
    }
    if (opcode === STOP) return;
    at = end;
  }
  throw fail("is cut short or damaged");
}

/** One past the argument at `at`; infinity where its length or its lines are not there. */
function argumentEnd(view: DataView, at: number, argument: Argument): number {
  if (typeof argument === "number") return at + argument;
  if (argument === "lines") return lineEnd(view, lineEnd(view, at));
  const width = argument === "u64" ? 8 : argument === "u32" ? 4 : 1;
  if (at + width > view.byteLength) return Infinity;
  const length = width === 8
    ? Number(view.getBigUint64(at, true))
    : width === 4
    ? view.getUint32(at, true)
    : view.getUint8(at);
  return at + width + length;
}

function lineEnd(view: DataView, at: number): number {
  while (at < view.byteLength) if (view.getUint8(at++) === 0x0a) return at;
  return Infinity;
}

/** Whether a little-endian integer stays below 2^53. */
function isExact(integer: Uint8Array): boolean {
  return integer.length < 7 || (integer.length <= 8 && (integer[7] ?? 0) === 0 && integer[6]! < 0x20);
}
