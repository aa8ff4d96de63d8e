import { dirname, join } from "node:path";
import { fileError } from "./file_error.ts";

/**
 * Writes `bytes` to `path` so that a reader, a crash or a power cut sees the old file or the new one, never a part:
 * a temporary file in the same folder, flushed to disk, then renamed over `path`.
 *
 * Throws UserError where the folder is missing or may not be written; no temporary file is left behind.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  await writePiecesAtomic(path, [bytes]);
}

/** {@link writeFileAtomic} for bytes that come piece by piece; what `pieces` throws leaves the old file in place. */
export async function writePiecesAtomic(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const temporary = join(dirname(path), `.${crypto.randomUUID()}.tmp`);
  try {
    try {
      await writeAndSync(temporary, pieces);
      await Deno.rename(temporary, path);
    } catch (cause) {
      await Deno.remove(temporary).catch(() => {}); // the first failure is the one to report
      throw cause;
    }
  } catch (cause) {
    throw fileError("write", path, cause);
  }
}

/**
 * Removes the temporary files that a process killed during `writeFileAtomic` left in a folder. Only for a folder that
 * nobody else is writing to.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (/^\.[0-9a-f-]{36}\.tmp$/.test(name)) await Deno.remove(join(folder, name));
  }
}

async function writeAndSync(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (const bytes of pieces) {
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  }
  await file.sync();
}
