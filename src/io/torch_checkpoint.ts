import { UserError } from "../error.ts";
import type { HostArray, HostTensor } from "../tensor/host_tensor.ts";
import { bytesPerElement, decodeElements } from "./dtype.ts";
import { readBytes } from "./file_error.ts";
import { parseTorchPickle, type TorchStorage, TorchTensor } from "./torch_pickle.ts";
import { unzip } from "./zip.ts";

/** Where published checkpoints keep the weights when they are not at the top level. */
const STATE_DICT_KEYS = ["model", "module", "state_dict"];

/**
 * Reads the tensors of the PyTorch checkpoint at `path` (the zip format of torch.save since 1.6): a state dict at the
 * top level or under `model`, `module` or `state_dict`. F16 and BF16 come back as Float32Array, int64 (checked to fit),
 * int16 and int8 as Int32Array, bool as Uint8Array; tensors that share storage may share memory.
 *
 * Nothing in the file is executed and no size in it is trusted: UserError, naming the file and the reason, for a file
 * that is missing, damaged, in the legacy format, or more than data.
 */
export async function readTorchCheckpoint(path: string): Promise<Map<string, HostTensor>> {
  return parseTorchCheckpoint(await readBytes(path), path);
}

/** {@link readTorchCheckpoint} for `bytes` in memory; `name` stands for the file in errors. */
export function parseTorchCheckpoint(bytes: Uint8Array<ArrayBuffer>, name: string): Map<string, HostTensor> {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) { // "PK"
    throw new UserError(
      `Cannot read ${name}: it is no zip archive; a legacy PyTorch file is re-saved in the zip format by ` +
        `torch.save(torch.load(path, map_location="cpu"), path)`,
    );
  }
  const archive = unzip(bytes, name);
  const pickles = [...archive.keys()].filter((path) => path.endsWith("/data.pkl"));
  if (pickles.length !== 1) {
    throw new UserError(`Cannot read ${name}: a PyTorch checkpoint holds one data.pkl, this archive ${pickles.length}`);
  }
  const root = pickles[0]!.slice(0, -"data.pkl".length);
  const byteOrder = archive.get(`${root}byteorder`);
  if (byteOrder !== undefined && new TextDecoder().decode(byteOrder) !== "little") {
    throw new UserError(`Cannot read ${name}: its byte order is not little-endian; re-save it on such a machine`);
  }
  const views = stateDict(parseTorchPickle(archive.get(pickles[0]!)!, name), name);
  return new TensorReader(archive, root, bytes.length, name).readAll(views);
}

/** The entries of the state dict that are tensors; a training script's counters beside them are passed over. */
function stateDict(checkpoint: unknown, file: string): Map<string, TorchTensor> {
  if (!(checkpoint instanceof Map)) throw new UserError(`Cannot read ${file}: it holds no dictionary of tensors`);
  const nested = STATE_DICT_KEYS.map((key) => checkpoint.get(key)).find((value) => value instanceof Map);
  const tensors = new Map<string, TorchTensor>();
  for (const [key, value] of (nested ?? checkpoint) as Map<unknown, unknown>) {
    if (typeof key === "string" && value instanceof TorchTensor) tensors.set(key, value);
  }
  if (tensors.size > 0) return tensors;
  const keys = [...checkpoint.keys()].filter((key) => typeof key === "string").slice(0, 8);
  throw new UserError(
    `Cannot read ${file}: no tensors at the top level or under ${STATE_DICT_KEYS.join(", ")}; its keys are ` +
      JSON.stringify(keys),
  );
}

class TensorReader {
  readonly #decoded = new Map<string, HostArray>();
  /** Elements that views still may copy: a view with stride 0 names any number of elements in a few bytes. */
  #copyBudget: number;

  constructor(
    readonly archive: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    readonly root: string,
    fileBytes: number,
    readonly file: string,
  ) {
    this.#copyBudget = fileBytes;
  }

  readAll(views: ReadonlyMap<string, TorchTensor>): Map<string, HostTensor> {
    return new Map([...views].map(([name, view]) => [name, this.#read(name, view)]));
  }

  #read(name: string, { storage, offset, shape, strides }: TorchTensor): HostTensor {
    const fail = (reason: string) =>
      new UserError(`Cannot read ${this.file}: tensor ${JSON.stringify(name)}: ${reason}`);
    if (strides.length !== shape.length) throw fail(`it has ${shape.length} sizes and ${strides.length} strides`);
    const elements = shape.reduce((product, size) => product * size, 1);
    const last = offset + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
    if (!Number.isSafeInteger(elements)) throw fail(`its shape [${shape.join(", ")}] is beyond any size`);
    if (elements > 0 && last >= storage.elements) {
      throw fail(`it reaches element ${last} of a storage with ${storage.elements}`);
    }
    const source = this.#decode(storage, fail);
    if (elements === 0 || isContiguous(shape, strides)) {
      return { shape, data: source.subarray(offset, offset + elements) };
    }
    this.#copyBudget -= elements;
    if (this.#copyBudget < 0) {
      throw fail(`it repeats its storage into ${elements} elements, more than the file can hold`);
    }
    return { shape, data: gather(source, offset, shape, strides, elements) };
  }

  #decode({ dtype, key, elements }: TorchStorage, fail: (reason: string) => UserError): HostArray {
    if (dtype === "F64") throw fail("its type is float64; convert it with .float() and re-save");
    const id = `${dtype} ${key}`;
    const known = this.#decoded.get(id);
    if (known !== undefined) return known;
    const bytes = this.archive.get(`${this.root}data/${key}`);
    if (bytes === undefined) throw fail(`its storage data/${key} is not in the archive`);
    if (bytes.length !== elements * bytesPerElement[dtype]) {
      throw fail(`its storage data/${key} has ${bytes.length} bytes, not ${elements} elements of ${dtype}`);
    }
    const decoded = decodeElements(dtype, bytes, `storage data/${key} of ${this.file}`);
    this.#decoded.set(id, decoded);
    return decoded;
  }
}

/** Whether `strides` are those of a row-major array; the stride of an axis of size 1 is never used. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Copies a strided view into row-major order, counting its index up like an odometer. */
function gather(
  source: HostArray,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
) {
  const data = new (source.constructor as new (length: number) => HostArray)(count);
  const index = shape.map(() => 0);
  let position = offset;
  for (let i = 0; i < count; i++) {
    data[i] = source[position]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      position -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return data;
}
