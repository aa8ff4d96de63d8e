/**
 * The pickle inside a PyTorch checkpoint, read as data. A pickle is a program that names Python functions to call; here
 * only the names in {@link globalsOf} resolve, each to a function that builds an inert record, and every other is refused.
 */
import { BufferReader, Parser } from "pickleparser";
import { UserError } from "../error.ts";
import type { Dtype } from "./dtype.ts";

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
 * {@link TorchTensor}. Throws UserError, naming `file`, for a damaged pickle and for any global outside the allow-list.
 */
export function parseTorchPickle(bytes: Uint8Array, file: string): unknown {
  const globals = globalsOf(file);
  const nameResolver = {
    resolve(module: unknown, name: unknown) {
      const found = globals.get(`${module}.${name}`);
      if (found === undefined) {
        const global = JSON.stringify(`${module}.${name}`);
        throw new UserError(
          `Cannot read ${file}: it asks to run the Python global ${global}, which is not allowed; ` +
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

/** The parser's reader prints a warning of a length beyond 2^53; here it only runs into the end of the file. */
class SilentReader extends BufferReader {
  override uint64(): number {
    const low = this.uint32();
    return low + this.uint32() * 2 ** 32;
  }
}

/** The allow-list, made anew and frozen for each file, because a pickle can assign to what it names. */
function globalsOf(file: string): Map<string, unknown> {
  const rebuildTensor = (storage: unknown, offset: unknown, shape: unknown, strides: unknown) => {
    if (!(storage instanceof TorchStorage) || !isSize(offset) || !isSizeList(shape) || !isSizeList(strides)) {
      throw new UserError(`Cannot read ${file}: it describes a tensor without storage, shape, strides and offset`);
    }
    return new TorchTensor(storage, offset, shape, strides);
  };
  const firstArgument = (value: unknown) => value;
  const namespace = class {
    __setstate__() {} // nothing reads the training script's arguments
  };
  const globals = new Map<string, unknown>([
    ["collections.OrderedDict", () => new Map()],
    ["torch._utils._rebuild_tensor_v2", rebuildTensor],
    ["torch._utils._rebuild_parameter", firstArgument],
    ["argparse.Namespace", namespace],
  ]);
  for (const [name, dtype] of Object.entries(storageDtypes)) globals.set(`torch.${name}`, new StorageType(dtype));
  for (const value of globals.values()) Object.freeze(value);
  return globals;
}

/** A persistent id is the tuple ("storage", type, key, device, number of elements). */
function storageOf(id: unknown, file: string): TorchStorage {
  const [tag, type, key, , elements] = Array.isArray(id) ? id : [];
  if (tag !== "storage" || !(type instanceof StorageType) || typeof key !== "string" || !isSize(elements)) {
    throw new UserError(`Cannot read ${file}: it refers to something other than a tensor's storage`);
  }
  return new TorchStorage(type.dtype, key, elements);
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
