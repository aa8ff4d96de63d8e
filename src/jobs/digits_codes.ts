import type { Digits } from "../data/digits.ts";
import { shiftDigits } from "../data/shift.ts";
import type { TokenCodes } from "../data/token_codes.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import type { Device } from "../tensor/device.ts";
import { tokenizerPixels } from "./digits_tokenizer_phase.ts";

/** Images in a batch on the device. */
const batchSize = 100;
/** Philox stream of the shifts. */
const shiftStream = 0x7368;

/** How digits become token codes. */
export interface EncodeOptions {
  /** Codes of every digit: the first of the digit as it is, the others of copies moved at random. */
  readonly variants: number;
  /** The farthest a copy moves. */
  readonly pixels: number;
  /** Of the moves, u32. */
  readonly seed: number;
  /** Called with the number of digits done. */
  readonly onBatch?: (digits: number) => void;
}

/** Token codes of digits as they are and under small shifts. */
export async function encodeDigits(
  device: Device,
  tokenizer: VqTokenizer,
  { images, labels, count, size }: Digits,
  { variants, pixels, seed, onBatch }: EncodeOptions,
): Promise<TokenCodes> {
  const area = size * size;
  let codes = new Int32Array();
  let cells = 0;
  for (let start = 0; start < count; start += batchSize) {
    const part = images.subarray(start * area, Math.min(count, start + batchSize) * area);
    const rows = part.length / area;
    for (let variant = 0; variant < variants; variant++) {
      using _batch = device.scope();
      const moved = variant === 0
        ? part
        : shiftDigits(part, size, pixels, { seed, stream: shiftStream + variant, step: start });
      const found = await encodeImages(device, tokenizer, moved, size);
      if (cells === 0) codes = new Int32Array(count * variants * (cells = found.length / rows));
      for (let row = 0; row < rows; row++) {
        codes.set(found.subarray(row * cells, (row + 1) * cells), ((start + row) * variants + variant) * cells);
      }
    }
    onBatch?.(start + rows);
  }
  return { codes, shape: [count, variants, cells], labels: Int32Array.from(labels) };
}

/** Codes `[N, cells]` of grey images `[N, size, size]`. */
async function encodeImages(device: Device, tokenizer: VqTokenizer, images: Uint8Array, size: number) {
  const shape = [images.length / (size * size), 1, size, size];
  const pixels = device.tensor(tokenizerPixels(images), shape);
  return await device.noGrad(() => tokenizer.encode(pixels)).data() as Int32Array;
}
