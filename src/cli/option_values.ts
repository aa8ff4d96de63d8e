import { UserError } from "../error.ts";

/** The whole number of an option. @throws {UserError} for anything else, or outside the range. */
export function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UserError(`Cannot take ${flag} ${text}: wanted a whole number from ${least} to ${most}`);
}

/** The number of an option. @throws {UserError} for anything else, or outside the range. */
export function numberBetween(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new UserError(`Cannot take ${flag} ${text}: wanted a number from ${least} to ${most}`);
}

/**
 * Classes of a list such as `0-4,7`.
 *
 * @param classes how many there are.
 * @throws {UserError} for anything else, naming the part.
 */
export function parseClasses(text: string, classes: number): number[] {
  return text.split(",").flatMap((part) => {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    const first = Number(from), last = Number(to ?? from);
    if (from === undefined || last < first || last >= classes) {
      throw new UserError(
        `Cannot read --classes ${text}: wanted classes from 0 to ${classes - 1} and ranges such as 0-4,7, ` +
          `got "${part.trim()}"`,
      );
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
