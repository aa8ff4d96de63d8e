/** Longest text that a message repeats; names of published weights have up to 80 characters. */
const MAX_CHARACTERS = 120;

/** Characters that would break a line or steer a terminal, and those that JSON leaves as they are. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Something a file says, for a message of one line: texts in quotes with escapes and cut after `limit` characters,
 * others by their kind.
 */
export function quoted(value: unknown, limit = MAX_CHARACTERS): string {
  if (typeof value !== "string") return typeof value === "object" && value !== null ? "a list" : String(value);
  const short = value.length > limit ? `${value.slice(0, limit)}...` : value;
  return JSON.stringify(short).replace(UNPRINTABLE, (character) => {
    return `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`;
  });
}

/** A name as it is where it is printable and has no spaces, else {@link quoted}. */
export function printable(name: string): string {
  return /^[\p{L}\p{N}\p{P}\p{S}]+$/u.test(name) && name.length <= MAX_CHARACTERS ? name : quoted(name);
}
