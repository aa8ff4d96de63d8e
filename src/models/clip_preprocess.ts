import { clamp } from "../ops/clamp.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/permute.ts";
import type { Device } from "../tensor/device.ts";
import { showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Mean of red, green and blue over the pictures that CLIP was trained on. */
export const clipMean = [0.48145466, 0.4578275, 0.40821073] as const;
/** Their standard deviation. */
export const clipDeviation = [0.26862954, 0.26130258, 0.27577711] as const;

/**
 * Pictures as CLIP wants them (OpenAI's `clip.load` transform, HuggingFace's `CLIPImageProcessor`): the shorter side
 * resized to `size` by Pillow's antialiased bicubic interpolation, the middle cut out, mean and deviation taken off.
 *
 * Resizing is two matrix products, along the rows and then along the columns, each clamped to [0, 1] as Pillow does
 * between its passes; what it does besides, rounding to 8 bits each time, is left out. Weights are made once for a
 * picture size, and hold the rows of the cut alone.
 */
export class ClipPreprocess implements Disposable {
  /** `[S, W]`. */
  readonly #alongRows: Tensor;
  /** `[S, H]`. */
  readonly #alongColumns: Tensor;
  /** `[3, 1, 1]` each: `1 / deviation` and `-mean / deviation`. */
  readonly #scale: Tensor;
  readonly #shift: Tensor;

  /**
   * For pictures of one size; allocates the weights, since what is recorded may not.
   *
   * @param size S, of the square that comes out.
   * @throws {RangeError} for sizes that are no whole numbers from 1 up.
   */
  constructor(device: Device, readonly height: number, readonly width: number, readonly size: number) {
    for (const value of [height, width, size]) {
      if (Number.isInteger(value) && value > 0) continue;
      throw new RangeError(`Cannot resize ${height}x${width} to ${size}: wanted whole numbers of pixels from 1 up`);
    }
    const weights = (pixels: number) =>
      device.tensor(bicubicCut(pixels, resizedSide(pixels, height, width, size), size), [size, pixels]);
    [this.#alongRows, this.#alongColumns, this.#scale, this.#shift] = device.persistent(() => [
      weights(width),
      weights(height),
      device.tensor(clipDeviation.map((deviation) => 1 / deviation), [3, 1, 1]),
      device.tensor(clipDeviation.map((deviation, c) => -clipMean[c]! / deviation), [3, 1, 1]),
    ]);
  }

  /** Gives the weights' memory back. */
  [Symbol.dispose](): void {
    for (const tensor of [this.#alongRows, this.#alongColumns, this.#scale, this.#shift]) tensor.dispose();
  }

  /**
   * `[N, C, H, W]` in [0, 1] to `[N, 3, S, S]`; a single channel, grey, becomes three.
   *
   * @throws {RangeError} for pictures of another size, and for other numbers of channels than 1 and 3.
   */
  forward(images: Tensor): Tensor {
    const [, channels, height, width] = images.shape;
    const known = images.shape.length === 4 && (channels === 1 || channels === 3);
    if (!known || height !== this.height || width !== this.width) {
      throw new RangeError(
        `Cannot prepare pictures of shape ${showShape(images.shape)} for CLIP: ` +
          `wanted [N, 1 or 3, ${this.height}, ${this.width}]`,
      );
    }
    const transpose = [0, 1, 3, 2];
    const rows = clamp(matmul(images, this.#alongRows, { layout: "nt" }), 0, 1);
    const columns = clamp(matmul(permute(rows, transpose), this.#alongColumns, { layout: "nt" }), 0, 1);
    return add(mul(permute(columns, transpose), this.#scale), this.#shift);
  }
}

/** Where a side of `pixels` ends up when the shorter one becomes `size`: the longer one is rounded down, as there. */
function resizedSide(pixels: number, height: number, width: number, size: number): number {
  const short = Math.min(height, width);
  return pixels === short ? size : Math.floor(size * pixels / short);
}

/**
 * Rows of the middle `size` of `to` pixels that are averaged from `from`, row-major `[size, from]`: the cubic of
 * {@link bicubic}, stretched by the factor of reduction where the picture shrinks, cut at the borders and normalised, as
 * in Pillow's `src/libImaging/Resample.c`.
 */
function bicubicCut(from: number, to: number, size: number): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(size * from);
  const scale = from / to, stretch = Math.max(scale, 1), support = 2 * stretch;
  const first = halfToEven(to - size);
  for (let row = 0; row < size; row++) {
    const center = (first + row + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const taps = Array.from({ length: end - start }, (_, k) => bicubic((start + k - center + 0.5) / stretch));
    const sum = taps.reduce((a, b) => a + b);
    taps.forEach((tap, k) => weights[row * from + start + k] = tap / sum);
  }
  return weights;
}

/** Keys' cubic convolution with a = -0.5, which Pillow calls BICUBIC; PyTorch's has -0.75 where it does not antialias. */
function bicubic(x: number): number {
  const a = -0.5, t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

/** Half of a surplus, halves rounded to the even side: where torchvision's `CenterCrop`, which CLIP uses, begins. */
function halfToEven(surplus: number): number {
  const half = Math.floor(surplus / 2);
  return surplus % 2 && half % 2 ? half + 1 : half;
}
