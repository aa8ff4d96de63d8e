/** Errors of the operating system, told as errors of the user. */
import { UserError } from "../error.ts";

/**
 * What to throw when `action` ("read", "write") on `path` failed with `cause`: a missing file or folder, a folder in a
 * file's place and a refused permission become a one-line {@link UserError}; any other cause comes back as it is.
 */
export function fileError(action: "read" | "write", path: string, cause: unknown): unknown {
  const reason = cause instanceof Deno.errors.NotFound
    ? action === "read" ? "there is no such file" : "its folder does not exist; create it first"
    : cause instanceof Deno.errors.IsADirectory
    ? "it is a folder, not a file"
    : cause instanceof Deno.errors.NotADirectory
    ? "a part of the path is a file, not a folder"
    : cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable
    ? "permission denied; check its mode and the command's --allow flags"
    : undefined;
  return reason === undefined ? cause : new UserError(`Cannot ${action} ${path}: ${reason}`, { cause });
}

/** The bytes of the file at `path`; throws UserError where it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}
