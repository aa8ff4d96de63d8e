/**
 * The pickle inside a PyTorch checkpoint, read as data. A pickle is a program that names Python functions to call; here
 * only the names in {@link globalsOf} resolve, each to a function that builds an inert record, and every other is refused.
 */
import { BufferReader, Parser } from "pickleparser";
import { UserError } from "../error.ts";
import type { Dtype } from "./dtype.ts";
import { checkOpcodes } from "./pickle_opcodes.ts";
import { quoted } from "./quoted.ts";

/** A flat array of the checkpoint, kept in the archive as `data/<key>`. */
export class TorchStorage {
  /** `elements` elements of `dtype`; float64 is known by name but not read. */
  constructor(readonly dtype: Dtype | "F64", readonly key: string, readonly elements: number) {}
}

/** A strided view of a storage; strides and offset count elements. What it says has been typed, not bounds-checked. */
export class TorchTensor {
  /** A view whose element [i, j, ...] is element `offset + i * strides[0] + j * strides[1] + ...` of `storage`. */
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** The training script's arguments, an `argparse.Namespace`: a record without behaviour. */
export class TorchNamespace {
  #attributes: unknown = null;

  /** What a pickle does to give an object its attributes. */
  __setstate__(attributes: unknown): void {
    this.#attributes = attributes;
  }

  /** The arguments by name. */
  get attributes(): ReadonlyMap<unknown, unknown> {
    return isDictionary(this.#attributes) ? this.#attributes : new Map();
  }
}

/**
 * Whether a value of a pickle was made by a class itself. `instanceof` would ask the value, and a pickle can give a list
 * any object as its prototype and whatever attributes it likes.
 */
export function isMadeBy<T>(value: unknown, made: abstract new (...args: never[]) => T): value is T {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === made.prototype;
}

/** Whether a value of a pickle is a dictionary. */
export function isDictionary(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return isMadeBy(value, Map);
}

/** PyTorch's own limit. */
const MAX_AXES = 64;

const storageDtypes = {
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  DoubleStorage: "F64",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
} as const;

class StorageType {
  constructor(readonly dtype: Dtype | "F64") {}
}

/**
 * What the pickle in `bytes` describes: dictionaries as Map, lists and tuples as arrays, tensors as
 * {@link TorchTensor}. Throws UserError, naming `file`, for a damaged pickle and for any opcode or global outside the
 * allow-lists. Takes time and memory in proportion to `bytes`.
 */
export function parseTorchPickle(bytes: Uint8Array, file: string): unknown {
  checkOpcodes(bytes, file);
  const globals = globalsOf(file);
  const nameResolver = {
    resolve(module: unknown, name: unknown) {
      const global = typeof module === "string" && typeof name === "string" ? `${module}.${name}` : "of no name";
      const found = globals.get(global);
      if (found === undefined) {
        throw new UserError(
          `Cannot read ${file}: it asks to run the Python global ${quoted(global)}, which is not allowed; ` +
            `re-save the weights alone with torch.save(model.state_dict(), path)`,
        );
      }
      return found;
    },
  };
  const persistentResolver = { resolve: (id: unknown) => storageOf(id, file) };
  const options = { nameResolver, persistentResolver, unpicklingTypeOfDictionary: "Map" } as ConstructorParameters<
    typeof Parser
  >[0];
  try {
    return new Parser(options).read(new SilentReader(bytes));
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`Cannot read ${file}: its pickle is damaged`, { cause });
  }
}

/** The parser's reader prints a warning of a length beyond 2^53, such as a frame's, which nothing reads. */
class SilentReader extends BufferReader {
  override uint64(): number {
    const low = this.uint32();
    return low + this.uint32() * 2 ** 32;
  }
}

/** The allow-list, made anew and frozen for each file, because a pickle can assign to what it names. */
function globalsOf(file: string): Map<string, unknown> {
  const refuse = (what: string): never => {
    throw new UserError(`Cannot read ${file}: it describes ${what}`);
  };
  // What a list holds can change after the call, because a pickle can go on to append to it: hence the copies.
  const rebuildTensor = (...args: unknown[]) => {
    const [storage, offset, shape, strides] = args;
    const fits = args.length <= 7 && isMadeBy(storage, TorchStorage) && isSize(offset);
    if (!fits || !isSizeList(shape) || !isSizeList(strides)) {
      return refuse("a tensor without storage, shape, strides and offset");
    }
    return Object.freeze(new TorchTensor(storage, offset, [...shape], [...strides]));
  };
  const rebuildParameter = (...args: unknown[]) =>
    args.length <= 3 && isMadeBy(args[0], TorchTensor) ? args[0] : refuse("a parameter without a tensor");
  const makeDictionary = (...args: unknown[]) => args.length === 0 ? new Map() : refuse("a dictionary made of pairs");
  const globals = new Map<string, unknown>([
    ["collections.OrderedDict", makeDictionary],
    ["torch._utils._rebuild_tensor_v2", rebuildTensor],
    ["torch._utils._rebuild_parameter", rebuildParameter],
    ["argparse.Namespace", TorchNamespace],
  ]);
  for (const [name, dtype] of Object.entries(storageDtypes)) globals.set(`torch.${name}`, new StorageType(dtype));
  for (const value of globals.values()) Object.freeze(value);
  return globals;
}

/** A persistent id is the tuple ("storage", type, key, device, number of elements). */
function storageOf(id: unknown, file: string): TorchStorage {
  const [tag, type, key, , elements] = Array.isArray(id) ? id : [];
  if (tag !== "storage" || !isMadeBy(type, StorageType) || typeof key !== "string" || !isSize(elements)) {
    throw new UserError(`Cannot read ${file}: it refers to something other than a tensor's storage`);
  }
  return Object.freeze(new TorchStorage(type.dtype, key, elements));
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_AXES && value.every(isSize);
}
