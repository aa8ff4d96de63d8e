/**
 * The directory of a zip archive, ZIP64 included, with every offset and size checked against the archive.
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.5.3.
 */
import { UserError } from "../error.ts";
import type { ByteSource } from "./byte_source.ts";
import { quoted } from "./quoted.ts";

/** One file of an archive. */
export interface ZipEntry {
  /** Its path in the archive. */
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Where its bytes begin in the archive. */
  readonly offset: number;
  /** Bytes that it takes there. */
  readonly stored: number;
  /** Whether it is deflated; else it lies there as it is, and `stored` equals `size`. */
  readonly deflated: boolean;
}

/** Signatures of records: "PK" and two numbers as a little-endian word. */
const LOCAL_HEADER = 0x04034b50, DIRECTORY_ENTRY = 0x02014b50, END = 0x06054b50;
const END64_LOCATOR = 0x07064b50, END64 = 0x06064b50, ZIP64_EXTRA = 1;

/** Bytes of records without the texts behind them. */
const LOCAL_BYTES = 30, ENTRY_BYTES = 46, END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56;

/** A field with all bits set: its value stands in a ZIP64 record. */
const MANY = 0xffff, LARGE = 0xffffffff;

/** A comment behind the end record is at most this long. */
const MAX_COMMENT = 0xffff;

/** Room for a quarter of a million files; an archive of arrays has thousands. */
const MAX_DIRECTORY_BYTES = 2 ** 24;

/** What to throw for the archive `file`. */
export function zipError(file: string, reason: string, cause?: unknown): UserError {
  return new UserError(`Cannot unpack ${file}: ${reason}`, { cause });
}

/**
 * The files of an archive in the order of their bytes. Throws UserError, naming it, where its directory is missing,
 * damaged or too large, where a name stands twice, a file is encrypted or packed otherwise than by deflate, and where
 * files overlap or leave the archive.
 */
export function readZipDirectory(source: ByteSource): ZipEntry[] {
  const { start, bytes, count } = findDirectory(source);
  if (bytes > MAX_DIRECTORY_BYTES) {
    throw zipError(source.name, `its directory has ${bytes} bytes, more than the ${MAX_DIRECTORY_BYTES} allowed`);
  }
  const view = viewOf(source.read(start, bytes));
  const listed = new Map<string, Listed>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const entry = parseEntry(view, at, source.name);
    if (listed.has(entry.name)) throw zipError(source.name, `it holds ${quoted(entry.name)} twice`);
    listed.set(entry.name, entry);
    at = entry.next;
  }
  if (at !== bytes) throw damaged(source.name);
  return locate([...listed.values()], start, source);
}

interface Directory {
  readonly start: number;
  readonly bytes: number;
  readonly count: number;
}

/** The end record, found by its signature and a comment that ends with the archive, says where the directory lies. */
function findDirectory(source: ByteSource): Directory {
  const tailStart = Math.max(0, source.size - END_BYTES - MAX_COMMENT);
  const tail = viewOf(source.read(tailStart, source.size - tailStart));
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && !(word(tail, at) === END && half(tail, at + 20) === tail.byteLength - END_BYTES - at)) at--;
  if (at < 0) throw zipError(source.name, "the archive is damaged or cut short");
  const count = half(tail, at + 10), bytes = word(tail, at + 12), start = word(tail, at + 16);
  const end = tailStart + at;
  const directory = count === MANY || bytes === LARGE || start === LARGE
    ? findDirectory64(source, end - LOCATOR_BYTES)
    : { start, bytes, count };
  if (directory.start + directory.bytes > end) throw damaged(source.name);
  return directory;
}

function findDirectory64(source: ByteSource, locatorAt: number): Directory {
  if (locatorAt < 0) throw damaged(source.name);
  const locator = viewOf(source.read(locatorAt, LOCATOR_BYTES));
  const at = long(locator, 8);
  if (word(locator, 0) !== END64_LOCATOR || at + END64_BYTES > locatorAt) throw damaged(source.name);
  const end = viewOf(source.read(at, END64_BYTES));
  if (word(end, 0) !== END64) throw damaged(source.name);
  return { count: long(end, 32), bytes: long(end, 40), start: long(end, 48) };
}

interface Listed {
  readonly name: string;
  readonly deflated: boolean;
  readonly size: number;
  readonly stored: number;
  readonly headerOffset: number;
  readonly nameBytes: number;
  /** Where the next entry begins. */
  readonly next: number;
}

function parseEntry(view: DataView<ArrayBuffer>, at: number, file: string): Listed {
  if (at + ENTRY_BYTES > view.byteLength || word(view, at) !== DIRECTORY_ENTRY) throw damaged(file);
  const flags = half(view, at + 8), method = half(view, at + 10);
  const nameBytes = half(view, at + 28), extraBytes = half(view, at + 30), commentBytes = half(view, at + 32);
  const extraAt = at + ENTRY_BYTES + nameBytes, next = extraAt + extraBytes + commentBytes;
  if (next > view.byteLength) throw damaged(file);
  const name = text(view, at + ENTRY_BYTES, nameBytes);
  const shown = quoted(name);
  if (flags & 1) throw zipError(file, `${shown} is encrypted`);
  if (method !== 0 && method !== 8) {
    throw zipError(file, `${shown} is packed by method ${method}; re-save it stored or deflated`);
  }
  const [size, stored, headerOffset] = widened(
    [word(view, at + 24), word(view, at + 20), word(view, at + 42)],
    new DataView(view.buffer, view.byteOffset + extraAt, extraBytes),
    file,
  );
  if (method === 0 && size !== stored) {
    throw zipError(file, `${shown} is stored in ${stored} bytes and claims to have ${size}`);
  }
  return { name, deflated: method === 8, size, stored, headerOffset, nameBytes, next };
}

/** The values, each taken from the ZIP64 extra field, in which only those stand that do not fit a word. */
function widened(values: [number, number, number], extra: DataView, file: string): [number, number, number] {
  if (!values.includes(LARGE)) return values;
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const bytes = half(extra, at + 2);
    if (half(extra, at) === ZIP64_EXTRA && at + 4 + bytes <= extra.byteLength) {
      let from = at + 4;
      const wide = values.map((value) => {
        if (value !== LARGE) return value;
        if (from + 8 > at + 4 + bytes) throw damaged(file);
        return long(extra, (from += 8) - 8);
      });
      return wide as [number, number, number];
    }
    at += 4 + bytes;
  }
  throw damaged(file);
}

/** Finds the bytes behind the local headers, which must name the same files, one after the other, before `end`. */
function locate(listed: readonly Listed[], end: number, source: ByteSource): ZipEntry[] {
  const sorted = listed.toSorted((a, b) => a.headerOffset - b.headerOffset);
  let free = 0;
  return sorted.map(({ name, deflated, size, stored, headerOffset, nameBytes }) => {
    const fail = (reason: string) => zipError(source.name, `${quoted(name)} ${reason}`);
    if (headerOffset < free) throw fail(`begins at byte ${headerOffset}, inside the file that ends at ${free}`);
    if (headerOffset + LOCAL_BYTES + nameBytes > end) throw fail(`begins at byte ${headerOffset}, after the files`);
    const header = viewOf(source.read(headerOffset, LOCAL_BYTES + nameBytes));
    if (
      word(header, 0) !== LOCAL_HEADER || half(header, 26) !== nameBytes ||
      text(header, LOCAL_BYTES, nameBytes) !== name
    ) throw fail(`is not at byte ${headerOffset}, where the directory says`);
    const offset = headerOffset + LOCAL_BYTES + nameBytes + half(header, 28);
    free = offset + stored;
    if (free > end) throw fail(`ends at byte ${free}, after the files, which end at ${end}`);
    return { name, size, offset, stored, deflated };
  });
}

function damaged(file: string): UserError {
  return zipError(file, "its directory is damaged");
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(buffer, byteOffset, byteLength);
}

function half(view: DataView, at: number): number {
  return view.getUint16(at, true);
}

function word(view: DataView, at: number): number {
  return view.getUint32(at, true);
}

/** A value beyond 2^53 is only compared with the size of the archive, so that its rounding does not matter. */
function long(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function text(view: DataView<ArrayBuffer>, at: number, bytes: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, bytes));
}
