import type { Digits } from "../data/digits.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { imageGrid } from "../report/grid.ts";
import type { Device } from "../tensor/device.ts";
import { tokenizerPixels } from "./digits_tokenizer_phase.ts";

/** Digits in a batch on the device. */
const batchSize = 100;

/** Held-out digits as a tokenizer gives them back. */
export interface Reconstructions {
  /** `[N, size, size]` grey levels. */
  readonly images: Uint8Array;
  /** Mean squared error of a pixel, of values in [-1, 1]. */
  readonly mse: number;
  /** Mean absolute error of a pixel, of values in [-1, 1]. */
  readonly l1: number;
  /** Share of the codes that stand for some cell of these digits. */
  readonly usage: number;
  /** `exp` of the entropy of the codes' frequencies: how many equally frequent codes would be as varied. */
  readonly perplexity: number;
}

/** Encodes and decodes digits. */
export async function reconstructDigits(
  device: Device,
  model: VqTokenizer,
  { images, size, count }: Digits,
): Promise<Reconstructions> {
  const area = size * size;
  const rebuilt = new Uint8Array(images.length);
  const uses = new Uint32Array(model.config.codebook_size);
  let squares = 0, absolutes = 0, cells = 0;
  for (let start = 0; start < count; start += batchSize) {
    using _batch = device.scope();
    const pixels = tokenizerPixels(images.subarray(start * area, (start + batchSize) * area));
    const found = device.noGrad(() => {
      const codes = model.encode(device.tensor(pixels, [pixels.length / area, 1, size, size]));
      return [codes, model.decode(codes)];
    });
    const [codes, decoded] = await device.read(found) as [Int32Array, Float32Array];
    codes.forEach((code) => uses[code]!++);
    cells += codes.length;
    decoded.forEach((value, i) => {
      const error = value - pixels[i]!;
      squares += error * error;
      absolutes += Math.abs(error);
      rebuilt[start * area + i] = Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
    });
  }
  const entropy = uses.reduce((sum, n) => n ? sum - n / cells * Math.log(n / cells) : sum, 0);
  return {
    images: rebuilt,
    mse: squares / images.length,
    l1: absolutes / images.length,
    usage: uses.filter((n) => n > 0).length / uses.length,
    perplexity: Math.exp(entropy),
  };
}

/** Draws the first digits, a row of originals above each row of reconstructions. */
export async function writeReconstructions(
  run: RunDirectory,
  file: string,
  { images, size }: Digits,
  rebuilt: Uint8Array,
): Promise<void> {
  const columns = 16, rows = 5, row = columns * size * size;
  const grid = new Uint8Array(2 * rows * row);
  for (let i = 0; i < rows; i++) {
    grid.set(images.subarray(i * row, (i + 1) * row), 2 * i * row);
    grid.set(rebuilt.subarray(i * row, (i + 1) * row), (2 * i + 1) * row);
  }
  await run.writeBytes(`samples/${file}.png`, imageGrid({ images: grid, size, columns, scale: 2, gap: 2 }));
}
