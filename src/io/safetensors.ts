import type { HostTensor } from "../tensor/host_tensor.ts";
import { writePiecesAtomic } from "./atomic.ts";
import { decodeElements } from "./dtype.ts";
import { fileError } from "./file_error.ts";
import { headerLength, parseHeader, PREFIX_BYTES, type SafetensorsEntry } from "./safetensors_header.ts";
import { layOutSafetensors, type SafetensorsOptions } from "./safetensors_layout.ts";

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
 * `tensors` and `metadata` as a safetensors file (F32, or F16 as `options` say; I32, U32, U8). The same content always
 * gives the same bytes. Throws UserError, naming the tensor, for a finite value that F16 cannot hold.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: SafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const layout = layOutSafetensors(tensors, metadata, options);
  const file = new Uint8Array(layout.size);
  file.set(layout.header);
  let offset = layout.header.length;
  for (const piece of layout.pieces()) {
    file.set(piece, offset);
    offset += piece.length;
  }
  return file;
}

/**
 * Writes {@link encodeSafetensors} to `path`, atomically and tensor by tensor, without a copy of the whole file in
 * memory. Throws UserError where the file cannot be written; a file that was there before stays then.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: SafetensorsOptions = {},
): Promise<void> {
  const layout = layOutSafetensors(tensors, metadata, options);
  await writePiecesAtomic(
    path,
    (function* () {
      yield layout.header;
      yield* layout.pieces();
    })(),
  );
}
