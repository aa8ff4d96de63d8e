import { UserError } from "../error.ts";
import { fileError } from "../io/file_error.ts";
import { type ImageHeader, imageHeader } from "./image_header.ts";

/** A picture from a file. */
export interface ImageFile {
  /** RGBA, `[height, width, 4]`, row by row. */
  readonly pixels: Uint8Array;
  /** Pixels in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/** The largest file in bytes, and the most pixels, that are decoded. */
const mostBytes = 64 * 2 ** 20, mostPixels = 2 ** 25;

/**
 * Reads a PNG, JPEG or GIF file (of an animation the first frame), at most 64 MiB and 33 million pixels.
 *
 * resvg decodes it, in WebAssembly that reaches nothing outside, since it is here for the plots already. Needs
 * `--allow-read` for the file and for the renderer in Deno's npm cache.
 *
 * @throws {UserError} for a file that is missing, no image, absurdly large or broken.
 */
export async function readImage(path: string): Promise<ImageFile> {
  const bytes = await readWithin(path);
  const header = imageHeader(bytes);
  if (!header) throw new UserError(`Cannot read the image ${path}: it is no PNG, JPEG or GIF; convert it to one`);
  const { width, height } = header;
  if (width < 1 || height < 1 || width * height > mostPixels) {
    throw new UserError(
      `Cannot read the image ${path}: wanted 1 to ${mostPixels} pixels, got ${width} x ${height}; resize it`,
    );
  }
  const pixels = await decode(bytes, header);
  if (pixels.every((value, i) => i % 4 !== 3 || value === 0)) {
    throw new UserError(
      `Cannot read the image ${path}: nothing can be seen in it, because it is broken, transparent or a CMYK JPEG; ` +
        "save it again as PNG",
    );
  }
  return { pixels: straighten(pixels), width, height };
}

async function readWithin(path: string): Promise<Uint8Array> {
  try {
    const { size } = await Deno.stat(path);
    if (size > mostBytes) {
      throw new UserError(`Cannot read the image ${path}: wanted at most ${mostBytes} bytes, got ${size}; resize it`);
    }
    return await Deno.readFile(path);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/** Draws the image alone at its own size. What resvg cannot decode it leaves out: all stays transparent. */
async function decode(bytes: Uint8Array, { kind, width, height }: ImageHeader): Promise<Uint8Array> {
  const { rasterizePixels } = await import("./rasterize.ts");
  const size = `width="${width}" height="${height}"`;
  return rasterizePixels(
    `<svg xmlns="http://www.w3.org/2000/svg" ${size}><image ${size} preserveAspectRatio="none"` +
      ` image-rendering="optimizeSpeed" href="data:image/${kind};base64,${bytes.toBase64()}"/></svg>`,
  );
}

/** Divides colours by alpha, in place. */
function straighten(pixels: Uint8Array): Uint8Array {
  for (let i = 0; i < pixels.length; i += 4) {
    const alpha = pixels[i + 3]!;
    if (alpha === 255 || alpha === 0) continue;
    for (let c = i; c < i + 3; c++) pixels[c] = Math.min(255, Math.round(pixels[c]! * 255 / alpha));
  }
  return pixels;
}
