import { resizeBilinear } from "./resize.ts";

/** A picture in RGBA, such as `readImage` gives. */
export interface RgbaPixels {
  /** `[height, width, 4]`, row by row. */
  readonly pixels: Uint8Array;
  /** Pixels in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/**
 * The middle square of a picture at `size` x `size` pixels, `[size, size, channels]`: on white where it is transparent,
 * resized by {@link resizeBilinear}; 1 channel is grey (ITU-R 601 luma, as Pillow's mode L), 3 are RGB.
 */
export function squarePixels({ pixels, width, height }: RgbaPixels, size: number, channels: 1 | 3): Uint8Array {
  const side = Math.min(width, height), area = side * side;
  const left = Math.floor((width - side) / 2), top = Math.floor((height - side) / 2);
  const planes = new Uint8Array(channels * area);
  for (let i = 0; i < area; i++) {
    const from = 4 * ((top + Math.floor(i / side)) * width + left + i % side);
    const red = onWhite(pixels, from, 0), green = onWhite(pixels, from, 1), blue = onWhite(pixels, from, 2);
    if (channels === 1) {
      planes[i] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
    } else {
      planes[i] = red;
      planes[area + i] = green;
      planes[2 * area + i] = blue;
    }
  }
  const resized = resizeBilinear(planes, side, size);
  return Uint8Array.from(resized, (_, i) => resized[i % channels * size * size + Math.floor(i / channels)]!);
}

/** Channel `channel` of the pixel at `from`, over white. */
function onWhite(pixels: Uint8Array, from: number, channel: number): number {
  const alpha = pixels[from + 3]!;
  return Math.round((pixels[from + channel]! * alpha + 255 * (255 - alpha)) / 255);
}
