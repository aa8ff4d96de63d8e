import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { UserError } from "../error.ts";
import { fileError } from "../io/file_error.ts";
import { printable, quoted } from "../io/quoted.ts";

/** Pictures that a module of the user's is to reward, on the host. */
export interface UserRewardBatch {
  /** `[N, C, H, W]`, values in [0, 1]. */
  readonly images: Float32Array;
  /** N pictures, C channels (1 grey, 3 RGB), height and width in pixels. */
  readonly shape: readonly [count: number, channels: number, height: number, width: number];
  /** `[N]`, the class each picture was painted for. */
  readonly classes: Int32Array;
  /** The classes' names, such as "7" or "golden retriever". */
  readonly classNames: readonly string[];
  /** What each picture was to show, in words, where that was said. */
  readonly prompts: readonly string[] | null;
}

/** A reward that a module of the user's computes. */
export interface UserReward {
  /** The file's name without its extension, for the metrics. */
  readonly name: string;
  /** `[N]`, numbers from 0 to 1. @throws {UserError} where the module fails or returns something else. */
  score(batch: UserRewardBatch): Promise<Float32Array>;
}

/**
 * The reward of a local TypeScript or JavaScript module: its export `reward`, a function from a {@link UserRewardBatch}
 * to a number from 0 to 1 for each picture, as an array, a Float32Array or a promise of one. `examples/ink_reward.ts` is
 * such a module. It runs in this process, with this command's permissions.
 *
 * @param path of the file, from the current directory.
 * @throws {UserError} for an address instead of a path, for a file that is missing or cannot be loaded, and for a module
 * without such an export.
 */
export async function loadUserReward(path: string): Promise<UserReward> {
  const shown = printable(path);
  // One letter before a colon is a drive.
  if (/^[a-z][a-z\d+.-]+:/i.test(path)) {
    throw new UserError(
      `Cannot load the reward ${shown}: wanted the path of a file on this machine; save the module here and name its file`,
    );
  }
  const file = resolve(path);
  await requireFile(file, shown);
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (cause) {
    throw new UserError(
      `Cannot load the reward ${shown}: ${said(cause)}; try \`deno check\` on it, and mend what it says`,
      { cause },
    );
  }
  const { reward } = module;
  if (typeof reward !== "function") {
    const found = "reward" in module
      ? `its export reward is no function but ${kindOf(reward)}`
      : "it exports no reward";
    throw new UserError(`Cannot use the reward ${shown}: ${found}; write \`export function reward(batch) { ... }\``);
  }
  return {
    name: basename(file, extname(file)),
    async score(batch) {
      let values: unknown;
      try {
        values = await reward(batch);
      } catch (cause) {
        throw new UserError(`The reward ${shown} failed: ${said(cause)}; mend its function reward`, { cause });
      }
      return checkedScores(values, batch.shape[0], shown);
    },
  };
}

async function requireFile(file: string, shown: string): Promise<void> {
  try {
    if ((await Deno.stat(file)).isFile) return;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw fileError("read", shown, cause);
    throw new UserError(
      `Cannot load the reward ${shown}: there is no file ${printable(file)}; give its path from the current directory`,
      { cause },
    );
  }
  throw new UserError(`Cannot load the reward ${shown}: it is a folder; name the module in it`);
}

/** What a module returned, if it is what was asked for. */
function checkedScores(values: unknown, count: number, shown: string): Float32Array {
  if (!(Array.isArray(values) || values instanceof Float32Array)) {
    throw new UserError(
      `The reward ${shown} returned ${kindOf(values)}: wanted an array with a number for each of ${count} pictures`,
    );
  }
  if (values.length !== count) {
    throw new UserError(
      `The reward ${shown} returned ${values.length} numbers for ${count} pictures: wanted one for each, in their order`,
    );
  }
  // By index: `every` and `findIndex` differ in whether they see the holes of an array.
  for (let i = 0; i < count; i++) {
    const value: unknown = values[i];
    if (typeof value === "number" && value >= 0 && value <= 1) continue;
    throw new UserError(
      `The reward ${shown} returned ${typeof value === "number" ? value : kindOf(value)} for picture ${i}: ` +
        "wanted a number from 0 to 1",
    );
  }
  return Float32Array.from(values as ArrayLike<number>);
}

/** What an error of the user's says, in one line: parsers tell the place in others, and colour them. */
function said(cause: unknown): string {
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return quoted(stripVTControlCharacters(text).trim().split(/[\r\n]/)[0]!, 240);
}

/** A value for a message: what it is, where it is not short. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return quoted(value, 40);
  if (typeof value === "object") return `an object (${printable(value.constructor?.name ?? "without a class")})`;
  return typeof value === "function" ? "a function" : `${typeof value} ${String(value)}`;
}
