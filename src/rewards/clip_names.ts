import { UserError } from "../error.ts";
import { readBytes } from "../io/file_error.ts";
import { printable } from "../io/quoted.ts";

/** Longer lines are no names: CLIP reads 77 tokens at most. */
const maxCharacters = 300;

/**
 * Names of classes from a text file in UTF-8, one a line in the order of the classes. White space around them and the
 * end of the last line do not count.
 *
 * @throws {UserError} in one line for a file that cannot be read, a blank line, one that is too long, and for another
 * number of names than `count`.
 */
export async function readClassNames(path: string, count: number): Promise<string[]> {
  return parseClassNames(await readBytes(path), path, count);
}

/** {@link readClassNames} of the file's bytes. */
export function parseClassNames(bytes: Uint8Array, path: string, count: number): string[] {
  const fail = (found: string): never => {
    throw new UserError(`Cannot read ${printable(path)}: ${found}; wanted ${count} class names, one a line`);
  };
  const names = decodeUtf8(bytes)?.split(/\r\n|\r|\n/).map((line) => line.trim()) ?? fail("it is no UTF-8 text");
  if (names.at(-1) === "") names.pop();
  if (names.length !== count) fail(`it has ${names.length} ${names.length === 1 ? "line" : "lines"}`);
  names.forEach((name, i) => {
    if (name === "") fail(`line ${i + 1} is blank`);
    if (name.length > maxCharacters) fail(`line ${i + 1} has ${name.length} characters`);
  });
  return names;
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
