import { type UnzipFileInfo, unzipSync } from "fflate";
import { UserError } from "../error.ts";

/** An archive may unpack to this many times its size, or to this many bytes: far above what honest arrays reach. */
const MAX_EXPANSION = 20, FREE_BYTES = 16 * 2 ** 20;

/**
 * The files of a zip archive in memory, by their path in it; each has a buffer of its own. Throws UserError, naming
 * `file`, for an archive that is damaged, holds a path twice, or unpacks to far more than its own size.
 */
export function unzip(bytes: Uint8Array<ArrayBuffer>, file: string): Map<string, Uint8Array<ArrayBuffer>> {
  const sizes = new Map<string, number>();
  const limit = Math.max(FREE_BYTES, MAX_EXPANSION * bytes.length);
  let total = 0;
  // The filter sees each entry before anything is allocated for it.
  const filter = ({ name, originalSize }: UnzipFileInfo) => {
    if (name === "") throw refusal(file, "its directory is damaged");
    if (sizes.has(name)) throw refusal(file, `it holds ${JSON.stringify(name)} twice`);
    sizes.set(name, originalSize);
    total += originalSize;
    if (total > limit) throw refusal(file, `it has ${bytes.length} bytes and claims to unpack to over ${limit}`);
    return true;
  };
  const entries = new Map(Object.entries(inflateAll(bytes, filter, file)));
  for (const [name, size] of sizes) {
    const unpacked = entries.get(name)?.length ?? 0;
    if (unpacked !== size) {
      throw refusal(file, `${JSON.stringify(name)} has ${unpacked} bytes, not the ${size} it claims`);
    }
  }
  return entries;
}

function inflateAll(bytes: Uint8Array<ArrayBuffer>, filter: (info: UnzipFileInfo) => boolean, file: string) {
  try {
    return unzipSync(bytes, { filter });
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw refusal(file, "the archive is damaged or cut short", cause);
  }
}

function refusal(file: string, reason: string, cause?: unknown): UserError {
  return new UserError(`Cannot unpack ${file}: ${reason}`, { cause });
}
