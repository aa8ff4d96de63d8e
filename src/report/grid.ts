import { UserError } from "../error.ts";
import { encodePng } from "./png.ts";

/** What the grids of one picture share. */
export interface GridLayout {
  /** Height and width of an image in its own pixels. */
  size: number;
  /** 1 for grey images (the default), 3 for RGB. */
  channels?: 1 | 3;
  /** Images per row. */
  columns: number;
  /** Side of a pixel of an image in the picture: images are enlarged without smoothing. Default 8. */
  scale?: number;
  /** White pixels around every image. Default 4. */
  gap?: number;
}

/** A grid of images. */
export interface GridOptions extends GridLayout {
  /** `[N, size, size, channels]`, in reading order. */
  images: Uint8Array;
}

/** One of the grids that {@link comparisonGrid} puts side by side. */
export interface Panel {
  /** What stands above it: "model", "real digits". */
  label: string;
  /** `[N, size, size, channels]`, in reading order. */
  images: Uint8Array;
}

/**
 * Draws images as a grid on white: the bytes of a PNG file. Needs no permission.
 *
 * @throws {UserError} if the bytes are not a whole number of images.
 */
export function imageGrid(options: GridOptions): Uint8Array {
  const { pixels, width, height } = drawGrid(options);
  return encodePng(pixels, width, height);
}

/**
 * Draws grids side by side, each under its label: the bytes of a PNG file.
 * Needs `--allow-read` for the font and the SVG renderer in Deno's npm cache.
 *
 * @throws {UserError} if the bytes of a panel are not a whole number of images.
 */
export async function comparisonGrid(panels: Panel[], layout: GridLayout): Promise<Uint8Array> {
  const fontSize = 16;
  const margin = layout.gap ?? DEFAULT_GAP;
  const spacing = 24;
  const top = margin + 30;
  let x = margin;
  let bottom = top;
  const parts = panels.map(({ label, images }) => {
    const { pixels, width, height } = drawGrid({ ...layout, images });
    const png = encodePng(pixels, width, height).toBase64();
    const slot = Math.max(width, Math.ceil(label.length * fontSize * 0.62));
    const left = x + Math.floor((slot - width) / 2); // At a whole pixel, or the renderer would smooth the edges.
    const text = `<text x="${x + slot / 2}" y="${top - 12}">${escapeXml(label)}</text>`;
    const image =
      `<image x="${left}" y="${top}" width="${width}" height="${height}" href="data:image/png;base64,${png}"/>`;
    x += slot + spacing;
    bottom = Math.max(bottom, top + height);
    return text + image;
  });
  const { rasterizeSvg } = await import("./rasterize.ts");
  return rasterizeSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${x - spacing + margin}" height="${bottom + margin}"` +
      ` font-size="${fontSize}" text-anchor="middle" fill="#222">` +
      `<rect width="100%" height="100%" fill="white"/>${parts.join("")}</svg>`,
    1,
  );
}

const DEFAULT_GAP = 4;

/**
 * Draws images as a grid on white: pixels `[height, width, channels]`.
 *
 * @throws {UserError} if the bytes are not a whole number of images.
 */
export function drawGrid({ images, size, columns, channels = 1, scale = 8, gap = DEFAULT_GAP }: GridOptions): {
  pixels: Uint8Array;
  width: number;
  height: number;
} {
  const area = size * size * channels;
  const count = images.length / area;
  if (!Number.isInteger(count) || count === 0) {
    throw new UserError(
      `A grid needs whole ${size}x${size}x${channels} images, got ${images.length} bytes: check size and channels`,
    );
  }
  const cell = size * scale + gap;
  const width = Math.min(columns, count) * cell + gap;
  const height = Math.ceil(count / columns) * cell + gap;
  const pixels = new Uint8Array(width * height * channels).fill(255);
  for (let n = 0; n < count; n++) {
    const left = gap + (n % columns) * cell;
    const top = gap + Math.floor(n / columns) * cell;
    for (let y = 0; y < size * scale; y++) {
      for (let x = 0; x < size * scale; x++) {
        const from = n * area + (Math.floor(y / scale) * size + Math.floor(x / scale)) * channels;
        const to = ((top + y) * width + left + x) * channels;
        for (let c = 0; c < channels; c++) pixels[to + c] = images[from + c]!;
      }
    }
  }
  return { pixels, width, height };
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
