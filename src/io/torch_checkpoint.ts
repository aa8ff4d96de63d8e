import { UserError } from "../error.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { type ByteSource, FileSource, memorySource } from "./byte_source.ts";
import { bytesPerElement, decodeElements } from "./dtype.ts";
import { MAX_PICKLE_BYTES } from "./pickle_opcodes.ts";
import { quoted } from "./quoted.ts";
import { isDictionary, isMadeBy, parseTorchPickle, TorchNamespace, TorchTensor } from "./torch_pickle.ts";
import { viewElements, viewRange } from "./torch_view.ts";
import { entryOf, readAll, type WeightContent, type WeightEntry } from "./weight_content.ts";
import { ZipArchive } from "./zip.ts";
import type { ZipEntry } from "./zip_directory.ts";

/** Where published checkpoints keep the weights when they are not at the top level. */
const STATE_DICT_KEYS = ["model", "module", "state_dict"];

/**
 * Reads the tensors of the PyTorch checkpoint at `path` (the zip format of torch.save since 1.6): a state dict at the
 * top level or under `model`, `module` or `state_dict`. F16 and BF16 come back as Float32Array, int64 (checked to fit),
 * int16 and int8 as Int32Array, bool as Uint8Array.
 *
 * Nothing in the file is executed and no size in it is trusted: UserError, naming the file and the reason, for a file
 * that is missing, damaged, in the legacy format, or more than data.
 */
export async function readTorchCheckpoint(path: string): Promise<Map<string, HostTensor>> {
  using source = await FileSource.open(path);
  return readAll(torchContent(source));
}

/** {@link readTorchCheckpoint} for `bytes` in memory, with which tensors may share storage; `name` is for errors. */
export function parseTorchCheckpoint(bytes: Uint8Array<ArrayBuffer>, name: string): Map<string, HostTensor> {
  return readAll(torchContent(memorySource(bytes, name)));
}

/**
 * What a PyTorch checkpoint holds, read up to the tensors' elements: names, shapes and every range are checked, the
 * elements come one tensor at a time. Throws UserError as `readTorchCheckpoint`.
 */
export function torchContent(source: ByteSource): WeightContent {
  const file = source.name;
  const magic = source.read(0, Math.min(2, source.size));
  if (magic[0] !== 0x50 || magic[1] !== 0x4b) { // "PK"
    throw new UserError(
      `Cannot read ${file}: it is no zip archive; a legacy PyTorch file is re-saved in the zip format by ` +
        `torch.save(torch.load(path, map_location="cpu"), path)`,
    );
  }
  const archive = new ZipArchive(source);
  const pickles = [...archive.entries.values()].filter(({ name }) => name.endsWith("/data.pkl"));
  if (pickles.length !== 1) {
    throw new UserError(`Cannot read ${file}: a PyTorch checkpoint holds one data.pkl, this archive ${pickles.length}`);
  }
  const root = pickles[0]!.name.slice(0, -"data.pkl".length);
  const read = (entry: ZipEntry) => archive.read(checkStored(entry, file), Math.min(entry.size, MAX_PICKLE_BYTES + 1));
  const byteOrder = archive.entries.get(`${root}byteorder`);
  if (byteOrder !== undefined && new TextDecoder().decode(read(byteOrder)) !== "little") {
    throw new UserError(`Cannot read ${file}: its byte order is not little-endian; re-save it on such a machine`);
  }
  const checkpoint = parseTorchPickle(read(pickles[0]!), file);
  const tensors = stateDict(checkpoint, file);
  const entries = placeTensors(tensors, archive, `${root}data/`, file);
  return {
    entries,
    metadata: metadataOf(checkpoint),
    read(name) {
      const { tensor, dtype, begin, end } = entryOf(entries, name, file);
      const what = `tensor ${quoted(name)} of ${file}`;
      if (dtype === "F64") throw new UserError(`Cannot read ${what}: its type is float64; convert it with .float()`);
      const span = decodeElements(dtype, source.read(begin, end - begin), what);
      return { shape: tensor.shape, data: viewElements(span, tensor) };
    },
  };
}

/** torch.save compresses nothing; a file that did could be unpacked again and again, once for each small view of it. */
function checkStored(entry: ZipEntry, file: string): ZipEntry {
  if (!entry.deflated) return entry;
  throw new UserError(
    `Cannot read ${file}: ${quoted(entry.name)} in it is compressed; re-save it by torch.save`,
  );
}

/** The entries of the state dict that are tensors; a training script's counters beside them are passed over. */
function stateDict(checkpoint: unknown, file: string): Map<string, TorchTensor> {
  if (!isDictionary(checkpoint)) throw new UserError(`Cannot read ${file}: it holds no dictionary of tensors`);
  for (const candidate of [...STATE_DICT_KEYS.map((key) => checkpoint.get(key)), checkpoint]) {
    if (!isDictionary(candidate)) continue;
    const tensors = new Map<string, TorchTensor>();
    for (const [key, value] of candidate) {
      if (typeof key === "string" && isMadeBy(value, TorchTensor)) tensors.set(key, value);
    }
    if (tensors.size > 0) return tensors;
  }
  const keys = checkpoint.keys().filter((key) => typeof key === "string").take(8);
  throw new UserError(
    `Cannot read ${file}: no tensors at the top level or under ${STATE_DICT_KEYS.join(", ")}; its keys are ` +
      `[${[...keys.map((key) => quoted(key))].join(", ")}]`,
  );
}

/** Numbers, texts and switches at the top level, and those of the training script's arguments as `args.<name>`. */
function metadataOf(checkpoint: unknown): Record<string, string> {
  const metadata: [string, string][] = [];
  const collect = (values: Iterable<[unknown, unknown]>, prefix: string) => {
    for (const [key, value] of values) {
      if (typeof key !== "string") continue;
      if (["string", "number", "boolean"].includes(typeof value)) metadata.push([prefix + key, String(value)]);
      else if (isMadeBy(value, TorchNamespace) && prefix === "") collect(value.attributes, `${key}.`);
    }
  };
  if (isDictionary(checkpoint)) collect(checkpoint, "");
  return Object.fromEntries(metadata);
}

interface Placed extends WeightEntry {
  readonly tensor: TorchTensor;
  /** Range of the bytes in the file that hold the view. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Finds each tensor's bytes. Views may overlap and repeat, so that a few bytes could name any number of elements: all
 * together they may cover four elements for each byte of the archive, which bounds time and memory of reading them.
 */
function placeTensors(tensors: ReadonlyMap<string, TorchTensor>, archive: ZipArchive, folder: string, file: string) {
  let budget = 4 * archive.unpackedBytes;
  const placed = new Map<string, Placed>();
  for (const [name, tensor] of tensors) {
    const fail = (reason: string) => new UserError(`Cannot read ${file}: tensor ${quoted(name)}: ${reason}`);
    const { dtype, key, elements } = tensor.storage;
    const range = viewRange(tensor, fail);
    const bytes = dtype === "F64" ? 8 : bytesPerElement[dtype];
    const entry = archive.entries.get(folder + key);
    if (entry === undefined) throw fail(`its storage data/${key} is not in the archive`);
    if (checkStored(entry, file).size !== elements * bytes) {
      throw fail(`its storage data/${key} has ${entry.size} bytes, not ${elements} elements of ${dtype}`);
    }
    budget -= Math.max(range.elements, range.span);
    if (budget < 0) throw fail("with it the tensors repeat their storages more often than weights do; .clone() them");
    const begin = entry.offset + range.first * bytes;
    placed.set(name, { dtype, shape: tensor.shape, tensor, begin, end: begin + range.span * bytes });
  }
  return placed;
}
