/**
 * The header of a safetensors file: 8 bytes little-endian length, then JSON
 * `{"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {...}}`, then the data.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { UserError } from "../error.ts";
import { bytesPerElement, type Dtype, isDtype } from "./dtype.ts";
import { quoted } from "./quoted.ts";
import { isRecord, parseStrictJson } from "./strict_json.ts";

/** Where one tensor lies. */
export interface SafetensorsEntry {
  /** The tensor's name: any string. */
  readonly name: string;
  /** Element type in the file. */
  readonly dtype: Dtype;
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** First byte, counted from the start of the data section. */
  readonly begin: number;
  /** One past the last byte, counted the same way. */
  readonly end: number;
}

/** A checked header. */
export interface SafetensorsHeader {
  /** The tensors in the order of their bytes. */
  readonly entries: readonly SafetensorsEntry[];
  /** Free text by key. */
  readonly metadata: Record<string, string>;
}

/** Bytes before the header: its length as an unsigned 64-bit number. */
export const PREFIX_BYTES = 8;

/** As many as PyTorch's tensors have at most. */
const MAX_AXES = 64;

/** The largest header that the reference implementation accepts. */
const MAX_HEADER_BYTES = 100_000_000;

/** The header's length, from the file's first 8 bytes; throws UserError where a file of `fileBytes` cannot hold it. */
export function headerLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (prefix.length < PREFIX_BYTES) {
    throw refusal(file, `it has ${fileBytes} bytes, fewer than the 8 that hold the header's length`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw refusal(file, `its header claims ${length} bytes, more than the ${MAX_HEADER_BYTES} allowed`);
  }
  if (PREFIX_BYTES + Number(length) > fileBytes) {
    throw refusal(
      file,
      `its header claims ${length} bytes, but only ${fileBytes - PREFIX_BYTES} follow; is it truncated?`,
    );
  }
  return Number(length);
}

/**
 * Parses and checks a header over `dataBytes` bytes of data: known dtypes, shapes that agree with the byte ranges, and
 * ranges that cover the data without gap or overlap. Throws UserError, naming `file` and the tensor, for anything else.
 */
export function parseHeader(header: Uint8Array, dataBytes: number, file: string): SafetensorsHeader {
  const parsed = parseStrictJson(header, "its header", (reason, cause) => refusal(file, reason, cause));
  if (!isRecord(parsed)) throw refusal(file, "its header is not a JSON object");
  const { __metadata__: metadata = {}, ...tensors } = parsed;
  if (!isStringRecord(metadata)) throw refusal(file, "__metadata__ must map strings to strings");
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, file));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, dataBytes, file);
  return { entries, metadata };
}

function parseEntry(name: string, value: unknown, file: string): SafetensorsEntry {
  const fail = (reason: string) => refusal(file, `tensor ${quoted(name)}: ${reason}`);
  if (!isRecord(value)) throw fail("its header entry is not an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !isDtype(dtype)) {
    throw fail(`dtype is ${quoted(dtype)}, wanted one of ${Object.keys(bytesPerElement).join(", ")}`);
  }
  if (!isSizeList(shape)) throw fail(`shape must be a list of at most ${MAX_AXES} non-negative integers`);
  if (!isSizeList(offsets) || offsets.length !== 2) throw fail("data_offsets must be two non-negative integers");
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, bytesPerElement[dtype]);
  if (end - begin !== bytes) {
    throw fail(`shape [${shape.join(", ")}] of ${dtype} takes ${bytes} bytes, but data_offsets span ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(entries: readonly SafetensorsEntry[], dataBytes: number, file: string): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    const fail = (reason: string) => refusal(file, `tensor ${quoted(name)} ${reason}`);
    if (end > dataBytes) throw fail(`ends at byte ${end} of the data, which has ${dataBytes}; is the file truncated?`);
    if (begin < covered) throw fail(`begins at byte ${begin} of the data, inside the tensor that ends at ${covered}`);
    if (begin > covered) throw fail(`begins at byte ${begin} of the data and leaves a gap after byte ${covered}`);
    covered = end;
  }
  if (covered !== dataBytes) {
    throw refusal(file, `its tensors end at byte ${covered} of the data, but ${dataBytes} bytes are there`);
  }
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === "string");
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_AXES &&
    value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function refusal(file: string, reason: string, cause?: unknown): UserError {
  return new UserError(`Cannot read ${file} as safetensors: ${reason}`, { cause });
}
