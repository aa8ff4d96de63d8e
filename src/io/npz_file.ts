import { Inflate } from "fflate";
import { UserError } from "../error.ts";
import { type ByteSource, FileSource } from "./byte_source.ts";
import { type NpyContent, parseNpy } from "./npy.ts";
import type { NpyHeader } from "./npy_header.ts";
import { npzHeaders } from "./npz.ts";
import { quoted } from "./quoted.ts";
import { ZipArchive } from "./zip.ts";
import { type ZipEntry, zipError } from "./zip_directory.ts";

/** Bytes of the archive that are read at a time; deflated ones may become a thousand times as many. */
const STORED_STEP = 2 ** 22, DEFLATED_STEP = 2 ** 14;

/** An open `.npz` file whose arrays are read one at a time, or row by row where they do not fit in memory. */
export class NpzFile implements Disposable {
  /** What its arrays are, by name. */
  readonly headers: ReadonlyMap<string, NpyHeader>;
  readonly #archive: ZipArchive;

  /** The arrays of an archive in `source`. Throws UserError where it is malformed. */
  constructor(private readonly source: ByteSource & Partial<Disposable>) {
    this.headers = npzHeaders(source);
    this.#archive = new ZipArchive(source);
  }

  /** Opens the file at `path`. Throws UserError for a file that is missing or malformed. */
  static async open(path: string): Promise<NpzFile> {
    const source = await FileSource.open(path);
    try {
      return new NpzFile(source);
    } catch (cause) {
      source.close();
      throw cause;
    }
  }

  /** One array. Throws UserError where it is malformed or does not fit in memory. */
  read(name: string): NpyContent {
    return parseNpy(this.#archive.read(this.#entry(name)), `array ${quoted(name)} of ${this.source.name}`);
  }

  /**
   * The bytes of an array, `count` of its rows (along the first axis) at a time, the last time what is left. Throws
   * UserError where a deflated array is damaged.
   */
  *rows(name: string, count: number): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { shape, dataStart, dataBytes } = this.headers.get(name)!;
    const batch = dataBytes / Math.max(1, shape[0] ?? 1) * count;
    let rows = new Uint8Array(Math.min(batch, dataBytes)), filled = 0, skip = dataStart, left = dataBytes;
    for (const chunk of this.#chunks(this.#entry(name))) {
      const from = Math.min(skip, chunk.length);
      skip -= from;
      for (let at = from; at < chunk.length;) {
        const part = chunk.subarray(at, at + rows.length - filled);
        rows.set(part, filled);
        at += part.length;
        filled += part.length;
        if (filled < rows.length) break;
        yield rows;
        left -= filled;
        filled = 0;
        rows = new Uint8Array(Math.min(batch, left));
      }
    }
  }

  /** Closes the source. */
  [Symbol.dispose](): void {
    this.source[Symbol.dispose]?.();
  }

  #entry(name: string): ZipEntry {
    const { entries } = this.#archive;
    const entry = entries.get(`${name}.npy`) ?? entries.get(name);
    if (!entry) throw new UserError(`Cannot read array ${quoted(name)} of ${this.source.name}: it has none`);
    return entry;
  }

  /** The unpacked bytes of an entry, in order. */
  *#chunks({ name, size, offset, stored, deflated }: ZipEntry): Generator<Uint8Array, void, undefined> {
    const step = deflated ? DEFLATED_STEP : STORED_STEP, parts: Uint8Array[] = [];
    const inflate = new Inflate((part) => parts.push(part));
    let unpacked = 0;
    for (let at = 0; at < stored; at += step) {
      const length = Math.min(step, stored - at), bytes = this.source.read(offset + at, length);
      try {
        if (deflated) inflate.push(bytes, at + length === stored);
        else parts.push(bytes);
      } catch (cause) {
        throw zipError(this.source.name, `${quoted(name)} is damaged`, cause);
      }
      for (const part of parts.splice(0)) {
        unpacked += part.length;
        if (unpacked > size) break;
        yield part;
      }
    }
    if (unpacked !== size) {
      throw zipError(this.source.name, `${quoted(name)} has ${unpacked} bytes or more, not the ${size} it claims`);
    }
  }
}
