import { UserError } from "../error.ts";
import { fileError } from "./file_error.ts";

/** Bytes that are read by range, so that a large file need not be in memory: a file, or memory itself. */
export interface ByteSource {
  /** Stands for the source in errors: the file's path. */
  readonly name: string;
  /** Number of bytes. */
  readonly size: number;
  /** The `length` bytes from `offset`, which may share memory with the source. Throws UserError where they end early. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** `bytes` as a source; `name` stands for them in errors. */
export function memorySource(bytes: Uint8Array<ArrayBuffer>, name: string): ByteSource {
  return {
    name,
    size: bytes.length,
    read(offset, length) {
      const range = bytes.subarray(offset, offset + length);
      if (range.length < length) throw endsEarly(name, offset + range.length, offset + length);
      return range;
    },
  };
}

/** An open file. Close it, or declare it with `using`. */
export class FileSource implements ByteSource, Disposable {
  readonly #file: Deno.FsFile;
  #closed = false;

  private constructor(readonly name: string, readonly size: number, file: Deno.FsFile) {
    this.#file = file;
  }

  /** Opens the file at `path` for reading. Throws UserError where that is not possible. */
  static async open(path: string): Promise<FileSource> {
    try {
      const file = await Deno.open(path);
      const { size, isDirectory } = await file.stat();
      if (!isDirectory) return new FileSource(path, size, file);
      file.close();
      throw new Deno.errors.IsADirectory();
    } catch (cause) {
      throw fileError("read", path, cause);
    }
  }

  /** The `length` bytes from `offset`, in memory of their own. Throws UserError where the file ends before. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (offset + length > this.size) throw endsEarly(this.name, this.size, offset + length);
    const bytes = allocate(length, this.name);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let filled = 0; filled < length;) {
      const count = this.#file.readSync(bytes.subarray(filled));
      if (count === null) throw endsEarly(this.name, offset + filled, offset + length);
      filled += count;
    }
    return bytes;
  }

  /** Closes the file, once. */
  close(): void {
    if (!this.#closed) this.#file.close();
    this.#closed = true;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Zeros. Throws UserError, naming `file`, where there are more than fit an array or the machine's memory. */
export function allocate(bytes: number, file: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new UserError(`Cannot read ${file}: ${bytes} bytes of it at once do not fit in memory`, { cause });
  }
}

function endsEarly(name: string, end: number, wanted: number): UserError {
  return new UserError(`Cannot read ${name}: it ends at byte ${end}, wanted up to ${wanted}; is it being written?`);
}
