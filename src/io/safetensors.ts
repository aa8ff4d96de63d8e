import type { HostTensor } from "../tensor/host_tensor.ts";
import { writePiecesAtomic } from "./atomic.ts";
import { type ByteSource, FileSource, memorySource } from "./byte_source.ts";
import { decodeElements } from "./dtype.ts";
import { quoted } from "./quoted.ts";
import { headerLength, parseHeader, PREFIX_BYTES } from "./safetensors_header.ts";
import { layOutSafetensors, type SafetensorsOptions } from "./safetensors_layout.ts";
import { entryOf, readAll, type WeightContent } from "./weight_content.ts";

/** What a safetensors file holds. */
export interface Safetensors {
  /** The tensors by name, in the order of their bytes. */
  readonly tensors: Map<string, HostTensor>;
  /** Free text by key; empty where the file has none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads the safetensors file at `path`, one tensor at a time. F16 and BF16 come back as Float32Array, I64 (checked to
 * fit), I16 and I8 as Int32Array, BOOL as Uint8Array. Throws UserError, naming the file and the reason, for a file that
 * is missing, truncated or in any way malformed; no size in it is trusted.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  using source = await FileSource.open(path);
  return readWhole(source);
}

/** {@link readSafetensors} for `bytes` in memory, with which F32, I32, U32 and U8 tensors share storage if aligned. */
export function parseSafetensors(bytes: Uint8Array<ArrayBuffer>, name: string): Safetensors {
  return readWhole(memorySource(bytes, name));
}

/** The header of a safetensors file, checked, and its tensors one at a time. Throws UserError as `readSafetensors`. */
export function safetensorsContent(source: ByteSource): WeightContent {
  const { name: file, size } = source;
  const length = headerLength(source.read(0, Math.min(PREFIX_BYTES, size)), size, file);
  const dataStart = PREFIX_BYTES + length;
  const { entries, metadata } = parseHeader(source.read(PREFIX_BYTES, length), size - dataStart, file);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    entries: byName,
    metadata,
    read(name) {
      const { dtype, shape, begin, end } = entryOf(byName, name, file);
      const bytes = source.read(dataStart + begin, end - begin);
      return { shape, data: decodeElements(dtype, bytes, `tensor ${quoted(name)} of ${file}`) };
    },
  };
}

function readWhole(source: ByteSource): Safetensors {
  const content = safetensorsContent(source);
  return { tensors: readAll(content), metadata: content.metadata };
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
