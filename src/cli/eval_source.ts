import { extname, join } from "node:path";
import { UserError } from "../error.ts";
import type { FrechetStatistics } from "../eval/frechet.ts";
import type { PictureSizes } from "../eval/feature_network.ts";
import { fileError } from "../io/file_error.ts";
import { NpzFile } from "../io/npz_file.ts";
import { readImage } from "../report/read_image.ts";
import { type Shape, showShape } from "../tensor/shape.ts";

/** Pictures that are read a batch at a time. */
export interface Pictures {
  readonly count: number;
  /** `[N, H, W, C]` bytes and their sizes, at most `size` pictures at a time, in a fixed order. */
  batches(size: number): AsyncIterable<{ readonly pixels: Uint8Array; readonly sizes: PictureSizes }>;
}

/** Features that are ready: `[N, D]`. */
export interface ReadyFeatures {
  readonly features: Float32Array;
  readonly dimensions: number;
}

/** What a path names: pictures or ready features, and statistics where an `.npz` holds them. */
export interface EvaluationSource extends Disposable {
  readonly path: string;
  readonly pictures: Pictures | null;
  readonly features: ReadyFeatures | null;
  readonly statistics: FrechetStatistics | null;
}

/**
 * Opens a folder of PNG files (with the folders in it, in the order of their names), or an `.npz`: pictures under `arr_0`
 * as uint8 `[N, H, W, 1 or 3]` or `[N, H, W]`, features under `arr_0` or `features` as floats `[N, D]`, statistics under
 * `mu` and `sigma`.
 *
 * @throws {UserError} for anything else.
 */
export async function openEvaluationSource(path: string): Promise<EvaluationSource> {
  if (extname(path).toLowerCase() === ".npz") return sourceOf(await NpzFile.open(path), path);
  try {
    if (!(await Deno.stat(path)).isDirectory) throw new UserError(`${refusal(path)}, got another file`);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
  const files = await pngFiles(path);
  if (files.length === 0) throw new UserError(`${refusal(path)}, got a folder without .png files`);
  const pictures = { count: files.length, batches: (size: number) => pngBatches(files, size) };
  return { path, pictures, features: null, statistics: null, [Symbol.dispose]: () => {} };
}

const refusal = (path: string) => `Cannot evaluate ${path}: wanted a folder of .png files or an .npz file`;

async function pngFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  const entries = (await Array.fromAsync(Deno.readDir(folder))).sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (isDirectory) found.push(...await pngFiles(join(folder, name)));
    else if (/\.png$/i.test(name)) found.push(join(folder, name));
  }
  return found;
}

async function* pngBatches(files: readonly string[], size: number) {
  let sizes: PictureSizes | null = null;
  for (let start = 0; start < files.length; start += size) {
    const batch = files.slice(start, start + size);
    let pixels = new Uint8Array();
    for (const [n, file] of batch.entries()) {
      const { width, height, pixels: rgba } = await readImage(file);
      sizes ??= { height, width, channels: 3 };
      if (width !== sizes.width || height !== sizes.height) {
        throw new UserError(
          `Cannot evaluate ${file}: wanted ${sizes.width}x${sizes.height} as ${files[0]}, got ${width}x${height}; ` +
            "resize all pictures alike",
        );
      }
      const area = width * height;
      if (n === 0) pixels = new Uint8Array(batch.length * area * 3);
      for (let i = 0; i < area; i++) {
        for (let c = 0; c < 3; c++) pixels[(n * area + i) * 3 + c] = rgba[i * 4 + c]!;
      }
    }
    yield { pixels, sizes: sizes! };
  }
}

function sourceOf(file: NpzFile, path: string): EvaluationSource {
  try {
    const statistics = file.headers.has("mu") || file.headers.has("sigma") ? statisticsOf(file, path) : null;
    const name = ["features", "arr_0"].find((name) => file.headers.has(name));
    const { dtype, shape } = file.headers.get(name ?? "") ?? { dtype: "uint8", shape: [] };
    const float = dtype.startsWith("float");
    const channels = shape.length === 3 ? 1 : shape[3];
    const pictures = dtype === "uint8" && (shape.length === 3 || shape.length === 4) && [1, 3].includes(channels!);
    if (name && !pictures && !(float && shape.length === 2) || !name && !statistics) {
      const what = name ? `${name} of ${dtype} ${showShape(shape)}` : [...file.headers.keys()].join(", ") || "nothing";
      throw new UserError(
        `Cannot evaluate ${path}: wanted pictures (arr_0 of uint8 [N, H, W, 1 or 3]), features (arr_0 or features of ` +
          `floats [N, D]) or statistics (mu and sigma), got ${what}`,
      );
    }
    if (name) requireFilled(path, `${name} of ${dtype}`, shape);
    const [count, height, width] = shape as [number, number, number];
    const sizes = { height, width, channels: channels! };
    return {
      path,
      pictures: name && pictures
        ? {
          count,
          async *batches(size: number) {
            for (const pixels of file.rows(name, size)) yield { pixels, sizes };
          },
        }
        : null,
      features: name && !pictures
        ? { features: finite(file, path, name, (n) => new Float32Array(n)), dimensions: shape[1]! }
        : null,
      statistics,
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  } catch (cause) {
    file[Symbol.dispose]();
    throw cause;
  }
}

function statisticsOf(file: NpzFile, path: string): FrechetStatistics {
  const [mu, sigma] = [file.headers.get("mu"), file.headers.get("sigma")];
  const [size] = mu?.shape ?? [];
  const fits = mu?.shape.length === 1 && sigma?.shape.length === 2 && sigma.shape.every((side) => side === size);
  if (!fits) {
    const show = (header = mu) => header ? showShape(header.shape) : "none";
    throw new UserError(
      `Cannot take statistics of ${path}: wanted mu [D] and sigma [D, D], got ${show(mu)} and ${
        sigma ? show(sigma) : "none"
      }`,
    );
  }
  requireFilled(path, "mu", mu.shape);
  const read = (name: string) => finite(file, path, name, (n) => new Float64Array(n));
  return { mean: read("mu"), covariance: read("sigma") };
}

/** @throws {UserError} for an array without elements. */
function requireFilled(path: string, name: string, shape: Shape): void {
  if (!shape.includes(0)) return;
  throw new UserError(`Cannot evaluate ${path}: ${name} ${showShape(shape)} is empty; every axis must be at least 1`);
}

function finite<A extends Float32Array | Float64Array>(
  file: NpzFile,
  path: string,
  name: string,
  make: (length: number) => A,
): A {
  const { data } = file.read(name), numbers = make(data.length);
  if (!(data instanceof Float32Array || data instanceof Float64Array) || !data.every(Number.isFinite)) {
    throw new UserError(`Cannot evaluate ${path}: ${name} must hold finite floats`);
  }
  numbers.set(data);
  return numbers;
}
