import { UserError } from "../error.ts";

/** Fractional bits of the fixed-point weights: 8 bits for the pixel, 2 to spare, the rest of 32 for the weight. */
const PRECISION_BITS = 22;

/** The input pixels `start, start + 1, ...` one output pixel averages, with their fixed-point weights. */
interface Taps {
  start: number;
  weights: Int32Array;
}

/**
 * The weights of one output line: a triangle whose half-width is the factor of reduction, cut at the borders and
 * normalised. Where the image grows, the triangle keeps a half-width of one pixel: plain bilinear interpolation.
 */
function triangleTaps(from: number, to: number): Taps[] {
  const scale = from / to;
  const support = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const weights = Float64Array.from(
      { length: end - start },
      (_, k) => Math.max(0, 1 - Math.abs((start + k - center + 0.5) / support)),
    );
    const sum = weights.reduce((a, b) => a + b);
    return { start, weights: Int32Array.from(weights, (w) => Math.trunc(0.5 + (w / sum) * 2 ** PRECISION_BITS)) };
  });
}

/** Resizes lines of `from` pixels and writes them transposed, so that the same pass twice does both directions. */
function resizeLinesTransposed(image: Uint8Array, from: number, lines: number, taps: Taps[]): Uint8Array {
  const out = new Uint8Array(taps.length * lines);
  for (let line = 0; line < lines; line++) {
    taps.forEach(({ start, weights }, i) => {
      let sum = 1 << (PRECISION_BITS - 1);
      for (let k = 0; k < weights.length; k++) sum += image[line * from + start + k]! * weights[k]!;
      out[i * lines + line] = sum >> PRECISION_BITS;
    });
  }
  return out;
}

/**
 * Resizes square grey images `[N, from, from]` to `[N, to, to]` by antialiased bilinear interpolation: rows, then
 * columns, each rounded to 8 bits. The result is bit for bit that of Pillow's `resize(..., BILINEAR)`, whose
 * fixed-point weights it uses (`src/libImaging/Resample.c`), also known as `antialias=True` in torchvision.
 *
 * @throws {UserError} if `to` is no positive integer or the bytes are not a whole number of images.
 */
export function resizeBilinear(images: Uint8Array, from: number, to: number): Uint8Array {
  if (!Number.isInteger(to) || to < 1) throw new UserError(`Resize to a whole number of pixels from 1 up, not ${to}`);
  const area = from * from;
  if (images.length % area !== 0) {
    throw new UserError(`Resize needs whole ${from}x${from} images, got ${images.length} bytes: check the image size`);
  }
  const count = images.length / area;
  const taps = triangleTaps(from, to);
  const out = new Uint8Array(count * to * to);
  for (let n = 0; n < count; n++) {
    const columns = resizeLinesTransposed(images.subarray(n * area, (n + 1) * area), from, from, taps);
    out.set(resizeLinesTransposed(columns, from, to, taps), n * to * to);
  }
  return out;
}
