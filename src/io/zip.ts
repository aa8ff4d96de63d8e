import { Inflate } from "fflate";
import { allocate, type ByteSource } from "./byte_source.ts";
import { quoted } from "./quoted.ts";
import { readZipDirectory, type ZipEntry, zipError } from "./zip_directory.ts";

/** An archive may unpack to this many times its size, or to this many bytes: far above what honest arrays reach. */
const MAX_EXPANSION = 20, FREE_BYTES = 2 ** 24;

/** Deflated bytes that are unpacked at a time; they become 16 MiB at most. */
const INFLATE_STEP = 2 ** 14;

/** A zip archive whose directory has been read and checked. */
export class ZipArchive {
  /** Its files by path. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Bytes of all files, unpacked. */
  readonly unpackedBytes: number;

  /** Throws UserError, naming the source, for a damaged archive and for one that claims to unpack to far more. */
  constructor(readonly source: ByteSource) {
    const entries = readZipDirectory(source);
    this.entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.unpackedBytes = entries.reduce((sum, { size }) => sum + size, 0);
    const limit = Math.max(FREE_BYTES, MAX_EXPANSION * source.size);
    if (this.unpackedBytes > limit) {
      throw zipError(source.name, `it has ${source.size} bytes and claims to unpack to over ${limit}`);
    }
  }

  /**
   * The first `length` bytes of a file, or all. They may share memory with the source.
   *
   * Throws UserError for a deflated file that is damaged or has not the size it claims.
   */
  read(entry: ZipEntry, length = entry.size): Uint8Array<ArrayBuffer> {
    const { offset, deflated } = entry;
    return deflated ? this.#inflate(entry, length) : this.source.read(offset, length);
  }

  #inflate({ name, size, offset, stored }: ZipEntry, length: number): Uint8Array<ArrayBuffer> {
    const bytes = allocate(length, this.source.name);
    let filled = 0;
    const inflate = new Inflate((part) => {
      bytes.set(part.subarray(0, Math.max(0, length - filled)), Math.min(filled, length));
      filled += part.length;
    });
    const done = () => length < size ? filled >= length : filled > size;
    try {
      for (let at = 0; at < stored && !done(); at += INFLATE_STEP) {
        const step = Math.min(INFLATE_STEP, stored - at);
        inflate.push(this.source.read(offset + at, step), at + step === stored);
      }
    } catch (cause) {
      throw zipError(this.source.name, `${quoted(name)} is damaged`, cause);
    }
    if (length < size ? filled < length : filled !== size) {
      throw zipError(this.source.name, `${quoted(name)} has ${filled} bytes, not the ${size} it claims`);
    }
    return bytes;
  }
}
