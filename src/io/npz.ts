/**
 * NumPy's `.npz`: a zip of `.npy` arrays. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { type Zippable, zipSync } from "fflate";
import { UserError } from "../error.ts";
import { writeFileAtomic } from "./atomic.ts";
import { type ByteSource, FileSource, memorySource } from "./byte_source.ts";
import { encodeNpy, type NpyArray, npyByteLength, type NpyContent, parseNpy } from "./npy.ts";
import { NPY_HEADER_BYTES, type NpyHeader, parseNpyHeader } from "./npy_header.ts";
import { quoted } from "./quoted.ts";
import { ZipArchive } from "./zip.ts";
import type { ZipEntry } from "./zip_directory.ts";

/** Most bytes of arrays: a plain zip archive, the kind written here, ends below 4 GiB, of which a MiB is left to headers. */
export const maxNpzBytes = 2 ** 32 - 2 ** 20;

/**
 * `arrays` by name as the bytes of an `.npz` file, stored without compression as `numpy.savez` does; the same arrays
 * always give the same bytes. Throws UserError where they do not fit the 4 GiB of a zip archive.
 */
export function encodeNpz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array<ArrayBuffer> {
  const total = Object.values(arrays).reduce((sum, array) => sum + npyByteLength(array), 0);
  if (total > maxNpzBytes) {
    throw new UserError(`Cannot write ${total} bytes of arrays: an .npz file holds under 4 GiB; write fewer samples`);
  }
  const files: Zippable = {};
  // A fixed date, the earliest a zip archive knows, keeps the bytes reproducible.
  for (const [name, array] of Object.entries(arrays)) {
    files[`${name}.npy`] = [encodeNpy(array), { level: 0, mtime: new Date(1980, 0, 1) }];
  }
  return zipSync(files);
}

/** Writes {@link encodeNpz} to `path`, atomically. Throws UserError where the file cannot be written. */
export async function writeNpz(path: string, arrays: Readonly<Record<string, NpyArray>>): Promise<void> {
  await writeFileAtomic(path, encodeNpz(arrays));
}

/** The arrays of the `.npz` file at `path` by name. Throws UserError for a file that is missing or malformed. */
export async function readNpz(path: string): Promise<Map<string, NpyContent>> {
  using source = await FileSource.open(path);
  return readArrays(source);
}

/** {@link readNpz} for `bytes` in memory, with which arrays may share memory; `name` stands for the file in errors. */
export function parseNpz(bytes: Uint8Array<ArrayBuffer>, name: string): Map<string, NpyContent> {
  return readArrays(memorySource(bytes, name));
}

/** What the arrays of an `.npz` file are, by name, without reading them. Throws UserError as `readNpz`. */
export function npzHeaders(source: ByteSource): Map<string, NpyHeader> {
  const archive = new ZipArchive(source);
  return mapArrays(archive, (entry, what) => {
    const start = archive.read(entry, Math.min(entry.size, NPY_HEADER_BYTES));
    return parseNpyHeader(start, entry.size, what);
  });
}

function readArrays(source: ByteSource): Map<string, NpyContent> {
  const archive = new ZipArchive(source);
  return mapArrays(archive, (entry, what) => parseNpy(archive.read(entry), what));
}

function mapArrays<T>({ entries, source }: ZipArchive, read: (entry: ZipEntry, what: string) => T): Map<string, T> {
  const arrays = new Map<string, T>();
  for (const [path, entry] of entries) {
    const name = path.replace(/\.npy$/, "");
    const what = `array ${quoted(name)} of ${source.name}`;
    if (arrays.has(name)) throw new UserError(`Cannot read ${what}: the file holds two of that name`);
    arrays.set(name, read(entry, what));
  }
  return arrays;
}
