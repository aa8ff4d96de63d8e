import { UserError } from "../error.ts";
import { drawGrid, type GridLayout } from "./grid.ts";

/** What {@link paintingGif} draws. */
export interface PaintingGifOptions extends GridLayout {
  /** A grid after the other: `[N, size, size, channels]` each, such as `paintingFrames` makes. */
  frames: readonly Uint8Array[];
  /** Milliseconds that a frame stays. Default 200. */
  delay?: number;
  /** Milliseconds that the last frame stays. Default 2000. */
  lastDelay?: number;
}

/**
 * An animation of images being painted, a grid a frame, that repeats for ever: the bytes of a GIF file. It has 255
 * colours, chosen for all frames together. Needs no permission; modern-gif, which encodes it, is loaded at the first
 * call. (imagescript, the other candidate, is native code behind `--allow-ffi`.)
 *
 * @throws {UserError} without frames, or where the bytes of one are not a whole number of images as many as in the first.
 */
export async function paintingGif(options: PaintingGifOptions): Promise<Uint8Array> {
  const { frames, delay = 200, lastDelay = 2000, scale = 4, ...layout } = options;
  if (frames.some(({ length }) => length !== frames[0]!.length) || frames.length === 0) {
    const sizes = frames.map(({ length }) => length).join(", ");
    throw new UserError(`An animation needs frames of one size, got ${sizes ? `${sizes} bytes` : "none"}`);
  }
  const pictures = frames.map((images) => drawGrid({ ...layout, scale, images }));
  const { encode } = await import("modern-gif");
  const { width, height } = pictures[0]!;
  const gif = await encode({
    width,
    height,
    frames: pictures.map(({ pixels }, i) => ({
      data: withAlpha(pixels, pixels.length / (width * height)),
      delay: i === pictures.length - 1 ? lastDelay : delay,
    })),
  });
  return new Uint8Array(gif);
}

/** Pixels of 1 or 3 channels as RGBA. */
function withAlpha(pixels: Uint8Array, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(pixels.length / channels * 4).fill(255);
  for (let i = 0; i < rgba.length; i++) {
    if (i % 4 < 3) rgba[i] = pixels[Math.floor(i / 4) * channels + (channels === 3 ? i % 4 : 0)]!;
  }
  return rgba;
}
