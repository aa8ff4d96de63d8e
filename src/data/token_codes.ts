/**
 * Images as token codes of a VQ tokenizer, to train a generator without encoding them again. Two forms: the folders
 * that LlamaGen's extraction script writes (https://github.com/FoundationVision/LlamaGen, extract_codes_c2i.py), one
 * `.npy` an image, and a single `.npz`.
 */
import { basename, dirname, extname, join } from "node:path";
import { UserError } from "../error.ts";
import { allocate } from "../io/byte_source.ts";
import { decodeElements } from "../io/dtype.ts";
import { fileError } from "../io/file_error.ts";
import { type NpyContent, readNpy } from "../io/npy.ts";
import { readNpz, writeNpz } from "../io/npz.ts";
import { printable } from "../io/quoted.ts";

/** Codes of N images, each in A crops (or flips) of T tokens. */
export interface TokenCodes {
  /** `[N, A, T]`: the codes, row-major. */
  readonly codes: Int32Array;
  /** N, A and T. */
  readonly shape: readonly [images: number, crops: number, tokens: number];
  /** `[N]`: the images' classes. */
  readonly labels: Int32Array;
}

/** What codes and labels must be below. */
export interface TokenLimits {
  /** V, codes of the tokenizer. */
  readonly vocab: number;
  /** Number of classes. */
  readonly classes: number;
}

/**
 * Reads an `.npz` with `codes` `[N, T]` or `[N, A, T]` and `labels` `[N]`, or a folder that holds the pair
 * `NAME_codes` and `NAME_labels`, or the former itself: `{i}.npy` in each, int64 `[1, A, T]` and one number, images in
 * the order of i. Throws UserError in one line for files that are missing, malformed, of differing shapes or without
 * their counterpart, and for codes and labels beyond `limits`.
 */
export async function readTokenCodes(path: string, limits: TokenLimits): Promise<TokenCodes> {
  return extname(path).toLowerCase() === ".npz"
    ? await readArchive(path, limits)
    : await readFolders(await codesFolder(path), limits);
}

/** Writes `codes` to an `.npz`, int64 as the extraction script does, atomically. */
export async function writeTokenCodes(path: string, { codes, shape, labels }: TokenCodes): Promise<void> {
  await writeNpz(path, {
    codes: { dtype: "int64", shape, data: codes },
    labels: { dtype: "int64", shape: [labels.length], data: labels },
  });
}

async function readArchive(path: string, limits: TokenLimits): Promise<TokenCodes> {
  const arrays = await readNpz(path);
  const array = (name: string) => {
    const found = arrays.get(name);
    if (found) return found;
    throw new UserError(
      `Cannot read ${path}: it has no array ${name}; its arrays: ${
        [...arrays.keys()].map(printable).join(", ") || "none"
      }`,
    );
  };
  const codes = array("codes"), labels = array("labels");
  const [images = 0, crops = 0, tokens = 0] = codes.shape.length === 2
    ? [codes.shape[0], 1, codes.shape[1]]
    : codes.shape;
  if (![2, 3].includes(codes.shape.length) || labels.shape.length !== 1 || labels.shape[0] !== images) {
    throw new UserError(
      `Cannot read ${path}: codes are [${codes.shape.join(", ")}] and labels [${labels.shape.join(", ")}], wanted ` +
        "[N, T] or [N, A, T] and [N]",
    );
  }
  return {
    codes: integersBelow(codes, limits.vocab, "codes", `codes of ${path}`),
    shape: [images, crops, tokens],
    labels: integersBelow(labels, limits.classes, "classes", `labels of ${path}`),
  };
}

async function readFolders(codesPath: string, limits: TokenLimits): Promise<TokenCodes> {
  const labelsPath = join(dirname(codesPath), basename(codesPath).replace(/_codes$/, "_labels"));
  const names = await numberedFiles(codesPath);
  requireCounterparts(names, new Set(await numberedFiles(labelsPath)), codesPath, labelsPath);
  const labels = new Int32Array(names.length);
  let codes = new Int32Array(0), shape = "", crops = 0, tokens = 0;
  for (const [i, name] of names.entries()) {
    const path = join(codesPath, name), labelPath = join(labelsPath, name);
    const image = await readNpy(path), label = await readNpy(labelPath);
    if (i === 0) {
      shape = image.shape.join(", ");
      [, crops = 0, tokens = 0] = image.shape;
      if (image.shape.length !== 3 || image.shape[0] !== 1 || crops * tokens === 0) {
        throw new UserError(`Cannot read ${path}: its shape is [${shape}], wanted [1, A, T]: A crops of T tokens`);
      }
      codes = new Int32Array(allocate(names.length * crops * tokens * 4, codesPath).buffer);
    }
    if (image.shape.join(", ") !== shape) {
      throw new UserError(`Cannot read ${path}: its shape is [${image.shape.join(", ")}], that of others [${shape}]`);
    }
    if (label.data.length !== 1) {
      throw new UserError(`Cannot read ${labelPath}: it holds ${label.data.length} numbers, wanted one label`);
    }
    codes.set(integersBelow(image, limits.vocab, "codes", path), i * crops * tokens);
    labels[i] = integersBelow(label, limits.classes, "classes", labelPath)[0]!;
  }
  return { codes, shape: [names.length, crops, tokens], labels };
}

/** The folder of codes: `path` if it is named so, else the only `*_codes` in it. */
async function codesFolder(path: string): Promise<string> {
  if (path.replace(/\/+$/, "").endsWith("_codes")) return path.replace(/\/+$/, "");
  const found = (await entriesOf(path)).filter((name) => name.endsWith("_codes")).sort();
  if (found.length === 1) return join(path, found[0]!);
  const reason = found.length ? `it has several (${found.join(", ")}); name one` : "it has none";
  throw new UserError(`Cannot read token codes from ${path}: wanted an .npz or a folder with NAME_codes, ${reason}`);
}

/** Names `{i}.npy` by their numbers; other files are passed over. */
async function numberedFiles(folder: string): Promise<string[]> {
  const names = (await entriesOf(folder)).filter((name) => /^\d+\.npy$/.test(name));
  if (names.length === 0) {
    throw new UserError(`Cannot read token codes from ${folder}: it has no files 0.npy, 1.npy, ...`);
  }
  return names.sort((a, b) => parseInt(a) - parseInt(b) || (a < b ? -1 : 1));
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (cause) {
    throw fileError("read", folder, cause);
  }
}

function requireCounterparts(
  codes: readonly string[],
  labels: ReadonlySet<string>,
  ...folders: [string, string]
): void {
  const known = new Set(codes);
  const alone = [...codes.filter((name) => !labels.has(name)), ...[...labels].filter((name) => !known.has(name))];
  if (alone.length === 0) return;
  const rest = alone.length > 1 ? ` and ${alone.length - 1} more are` : " is";
  throw new UserError(`Cannot pair ${folders[0]} with ${folders[1]}: ${alone[0]}${rest} in one of them only`);
}

/** The numbers of an integer array, each from 0 to `limit - 1`. */
function integersBelow({ data }: NpyContent, limit: number, things: string, what: string): Int32Array<ArrayBuffer> {
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof BigUint64Array) {
    throw new UserError(`Cannot read ${what}: its numbers are of the type ${data.constructor.name}, wanted int64`);
  }
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const integers = data instanceof BigInt64Array
    ? decodeElements("I64", bytes, what) as Int32Array<ArrayBuffer>
    : Int32Array.from(data);
  const wrong = integers.findIndex((n) => n < 0 || n >= limit);
  if (wrong < 0) return integers;
  throw new UserError(`Cannot read ${what}: number ${wrong} is ${integers[wrong]}, but there are ${limit} ${things}`);
}
