import type { Digits } from "../data/digits.ts";
import type { ArpgPainter, KnownCells, PaintSettings } from "../eval/arpg_painter.ts";
import { classify, scoreOf } from "../eval/classify.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { Judge } from "../models/judge.ts";
import { cellSize } from "../models/vq_config.ts";
import { comparisonGrid } from "../report/grid.ts";
import type { Device } from "../tensor/device.ts";
import { encodeDigits } from "./digits_codes.ts";
import type { DigitsDecodingConfig } from "./digits_decoding_config.ts";

/** Shares of digits that the judge reads as what they are. */
export interface InpaintingScore {
  /** How many digits. */
  readonly digits: number;
  /** As they were. */
  readonly original: number;
  /** With the right half black. */
  readonly erased: number;
  /** With the right half painted by the model around tokens of the whole picture, the class unknown. */
  readonly filled: number;
  /** The same with the class given. */
  readonly filled_with_class: number;
  /** With the right half painted around tokens of the erased picture, the class unknown. */
  readonly filled_from_erased: number;
  /** Known tokens that the painting changed: none. */
  readonly changed_tokens: number;
}

/** Digits shown of each kind. */
const shown = 60;

/**
 * Erases the right half of held-out digits, from the middle cell on, and has the model paint it anew around the tokens
 * of the left cells. Those of the whole picture are what inpainting with a mask keeps; a trace of the erased half may be
 * in them, since the tokenizer's norms and attention see the whole picture. Those of the erased picture hold nothing of
 * it, but are unlike the tokens of any whole digit.
 */
export async function inpaintDigits(
  device: Device,
  painter: ArpgPainter,
  judge: Judge,
  test: Digits,
  { inpainting, temperature, seed }: DigitsDecodingConfig,
  run: RunDirectory,
): Promise<InpaintingScore> {
  const { size } = test, area = size * size;
  const digits = Math.min(inpainting.digits, test.count);
  const labels = test.labels.subarray(0, digits), original = test.images.subarray(0, digits * area);
  const { cells } = painter.model.config, { width } = painter.model.sizes;
  const kept = Math.floor(width / 2), keptPixels = kept * cellSize(painter.tokenizer.config);
  const erased = original.map((value, i) => i % size < keptPixels ? value : 0);
  const mask = Uint8Array.from({ length: digits * cells }, (_, i) => Number(i % width < kept));
  const asTheyAre = { variants: 1, pixels: 0, seed };
  const knownOf = async (images: Uint8Array) => {
    const { codes } = await encodeDigits(device, painter.tokenizer, { images, labels, count: digits, size }, asTheyAre);
    return { codes, mask };
  };
  const whole = await knownOf(original), fromErased = await knownOf(erased);
  const paint = (known: KnownCells, scale: number, classes: ArrayLike<number>) => {
    const settings: PaintSettings = {
      schedule: "arccos",
      order: "random",
      steps: inpainting.steps,
      guidance: { scale, form: "constant" },
      temperature,
      seed,
    };
    return painter.paint(classes, settings, { known });
  };
  const unknown = new Int32Array(digits).fill(-1);
  const blind = await paint(whole, 1, unknown), told = await paint(whole, inpainting.guidance, labels);
  const alien = await paint(fromErased, 1, unknown);
  const accuracy = async (images: Uint8Array) =>
    scoreOf((await classify(device, [judge], images))[0]!, labels).accuracy;
  const changed = [[blind, whole], [told, whole], [alien, fromErased]] as const;
  const changedTokens = changed.reduce(
    (sum, [{ codes }, known]) => sum + codes.reduce((n, code, i) => n + Number(mask[i] && code !== known.codes[i]), 0),
    0,
  );
  const panel = (label: string, images: Uint8Array) => ({ label, images: images.subarray(0, shown * area) });
  await run.writeBytes(
    "samples/inpainting.png",
    await comparisonGrid([
      panel("erased", erased),
      panel("filled in", blind.images),
      panel("filled in, class given", told.images),
      panel("original", original),
    ], { size, columns: 6, scale: 2 }),
  );
  return {
    digits,
    original: await accuracy(original),
    erased: await accuracy(erased),
    filled: await accuracy(blind.images),
    filled_with_class: await accuracy(told.images),
    filled_from_erased: await accuracy(alien.images),
    changed_tokens: changedTokens,
  };
}
