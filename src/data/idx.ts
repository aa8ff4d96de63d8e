import { UserError } from "../error.ts";
import { fileError } from "../io/file_error.ts";
import type { Digits } from "./digits.ts";

/** The largest file that is read, in bytes after decompression: all of EMNIST is 0.6 GiB. */
const MAX_BYTES = 2 ** 30;

/** Square grey images from an IDX file: `images` is `[count, size, size]`, row by row. */
export type IdxImages = Pick<Digits, "images" | "size" | "count">;

/**
 * Reads the images of an IDX file (the format of MNIST: `train-images-idx3-ubyte`), gzipped or not.
 * Needs `--allow-read` for the file.
 *
 * @throws {UserError} if the file is missing, damaged, over 1 GiB, not IDX images, or its images are not square.
 */
export async function readIdxImages(path: string): Promise<IdxImages> {
  const { dims: [count, rows, columns], data } = await readIdx(path, "images", 3);
  if (rows !== columns) {
    throw new UserError(`Cannot use ${path}: images must be square, got ${rows}x${columns}; pad or crop them`);
  }
  return { images: data, size: rows!, count: count! };
}

/**
 * Reads the labels of an IDX file (`train-labels-idx1-ubyte`), gzipped or not: one byte per image.
 * Needs `--allow-read` for the file.
 *
 * @throws {UserError} if the file is missing, damaged, over 1 GiB, or not IDX labels.
 */
export async function readIdxLabels(path: string): Promise<Uint8Array> {
  return (await readIdx(path, "labels", 1)).data;
}

/**
 * Reads a pair of IDX files as digits.
 *
 * @throws {UserError} if a file cannot be read, the counts differ, or a label is not 0 to 9.
 */
export async function readIdxDigits(imagesPath: string, labelsPath: string): Promise<Digits> {
  const images = await readIdxImages(imagesPath);
  const labels = await readIdxLabels(labelsPath);
  if (labels.length !== images.count) {
    throw new UserError(
      `Labels must match images: ${imagesPath} holds ${images.count}, ${labelsPath} ${labels.length}; pass a matching pair`,
    );
  }
  const bad = labels.findIndex((label) => label > 9);
  if (bad >= 0) {
    throw new UserError(`Cannot use ${labelsPath}: labels must be 0 to 9, but label ${bad} is ${labels[bad]}`);
  }
  return { ...images, labels };
}

async function readIdx(path: string, what: string, rank: number): Promise<{ dims: number[]; data: Uint8Array }> {
  try {
    using file = await Deno.open(path);
    const start = new Uint8Array(2);
    await file.read(start);
    await file.seek(0, Deno.SeekMode.Start);
    const zipped = start[0] === 0x1f && start[1] === 0x8b;
    const chunks = zipped ? file.readable.pipeThrough(new DecompressionStream("gzip")) : file.readable;
    return await parseIdx(path, chunks, what, rank);
  } catch (error) {
    throw explain(path, error);
  }
}

/** Turns what the user can mend into a line that says how; anything else stays as it is. */
function explain(path: string, error: unknown): unknown {
  // DecompressionStream reports damaged and truncated data as a TypeError.
  if (error instanceof TypeError) return new UserError(`Cannot unzip ${path}: ${error.message}; download it again`);
  return fileError("read", path, error);
}

/**
 * Reads as many bytes as the header announces and one to see that no more follow. No size in the file is trusted: memory grows
 * with the bytes that really come, and the announced size is held to {@link MAX_BYTES}.
 */
async function parseIdx(path: string, chunks: ReadableStream<Uint8Array>, what: string, rank: number) {
  const headerBytes = 4 + 4 * rank;
  const parts: Uint8Array[] = [];
  let total = 0;
  let dims: number[] | undefined;
  let expected = headerBytes;
  for await (const chunk of chunks) {
    parts.push(chunk);
    total += chunk.length;
    if (!dims && total >= headerBytes) {
      dims = parseHeader(path, concat(parts, total), what, rank);
      expected = dims.reduce((a, b) => a * b, 1) + headerBytes;
      if (expected > MAX_BYTES) {
        throw new UserError(
          `Cannot read ${path}: its header announces ${dims.join("x")} bytes, the limit is 1 GiB; split it`,
        );
      }
    }
    if (total > expected && dims) break;
  }
  if (!dims || total !== expected) {
    const got = total > expected ? "more" : `${total}`;
    throw new UserError(`Cannot read ${path}: IDX ${what} need ${expected} bytes, got ${got}; download it again`);
  }
  return { dims, data: concat(parts, total).subarray(headerBytes) };
}

function parseHeader(path: string, bytes: Uint8Array, what: string, rank: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const magic = view.getUint32(0);
  if (magic !== 0x0800 + rank) {
    const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`;
    throw new UserError(
      `Cannot read ${path}: IDX ${what} begin with ${hex(0x0800 + rank)}, got ${hex(magic)}; pass another file`,
    );
  }
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  if (dims.includes(0)) throw new UserError(`Cannot use ${path}: it holds no ${what} (${dims.join("x")})`);
  return dims;
}

function concat(parts: Uint8Array[], total: number): Uint8Array {
  const out = new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
