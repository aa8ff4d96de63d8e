import type { HostTensor } from "../tensor/host_tensor.ts";
import { writeFileAtomic } from "./atomic.ts";
import { decodeElements } from "./dtype.ts";
import { fileError } from "./file_error.ts";
import { headerLength, parseHeader, PREFIX_BYTES, type SafetensorsEntry } from "./safetensors_header.ts";

/** What a safetensors file holds. */
export interface Safetensors {
  /** The tensors by name, in the order of their bytes. */
  readonly tensors: Map<string, HostTensor>;
  /** Free text by key; empty where the file has none. */
  readonly metadata: Record<string, string>;
}

/**
 * Reads the safetensors file at `path`, one tensor at a time. F16 and BF16 come back as Float32Array, I64 (checked to
 * fit), I16 and I8 as Int32Array, BOOL as Uint8Array. Throws UserError, naming the file and the reason, for a file that
 * is missing, truncated or in any way malformed; no size in it is trusted.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    const header = await readRange(
      file,
      PREFIX_BYTES,
      headerLength(await readRange(file, 0, PREFIX_BYTES), size, path),
    );
    const dataStart = PREFIX_BYTES + header.length;
    const { entries, metadata } = parseHeader(header, size - dataStart, path);
    const tensors = new Map<string, HostTensor>();
    for (const entry of entries) {
      const bytes = await readRange(file, dataStart + entry.begin, entry.end - entry.begin);
      tensors.set(entry.name, decodeEntry(entry, bytes, path));
    }
    return { tensors, metadata };
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/** {@link readSafetensors} for `bytes` in memory, with which F32, I32, U32 and U8 tensors share storage if aligned. */
export function parseSafetensors(bytes: Uint8Array<ArrayBuffer>, name: string): Safetensors {
  const length = headerLength(bytes.subarray(0, PREFIX_BYTES), bytes.length, name);
  const data = bytes.subarray(PREFIX_BYTES + length);
  const { entries, metadata } = parseHeader(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length), data.length, name);
  const tensors = entries.map((entry) =>
    [entry.name, decodeEntry(entry, data.subarray(entry.begin, entry.end), name)] as const
  );
  return { tensors: new Map(tensors), metadata };
}

function decodeEntry(entry: SafetensorsEntry, bytes: Uint8Array<ArrayBuffer>, file: string): HostTensor {
  const what = `tensor ${JSON.stringify(entry.name)} of ${file}`;
  return { shape: entry.shape, data: decodeElements(entry.dtype, bytes, what) };
}

/** Up to `length` bytes from `offset`: fewer only where the file ends. */
async function readRange(file: Deno.FsFile, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/**
 * `tensors` and `metadata` as a safetensors file (F32, I32, U32, U8). The same content always gives the same bytes:
 * four-byte types first so that all data is aligned, then by name; the header is padded with spaces to 8 bytes.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort(([a, { data: x }], [b, { data: y }]) =>
    y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || (a < b ? -1 : 1)
  );
  const header: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) header.push(["__metadata__", sortKeys(metadata)]);
  let end = 0;
  for (const [name, { shape, data }] of sorted) {
    if (name === "__metadata__") {
      throw new Error("Cannot write a tensor named __metadata__: the format reserves the name");
    }
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length) {
      throw new Error(`Cannot write tensor ${name}: shape [${shape}] wants ${elements} elements, got ${data.length}`);
    }
    header.push([name, { dtype: dtypeOf(data), shape, data_offsets: [end, end += data.byteLength] }]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const dataStart = PREFIX_BYTES + Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(dataStart + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - PREFIX_BYTES), true);
  file.fill(0x20, PREFIX_BYTES, dataStart);
  file.set(json, PREFIX_BYTES);
  let offset = dataStart;
  for (const [, { data }] of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/** Writes {@link encodeSafetensors} to `path`, atomically. Throws UserError where the file cannot be written. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

function dtypeOf(data: HostTensor["data"]): "F32" | "I32" | "U32" | "U8" {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Int32Array) return "I32";
  return data instanceof Uint32Array ? "U32" : "U8";
}

function sortKeys(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1));
}
