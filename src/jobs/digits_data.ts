import { type Digits, loadMnist, resizeDigits, selectDigits, splitDigits } from "../data/digits.ts";
import { readIdxDigits } from "../data/idx.ts";
import type { DigitsArGrpoConfig } from "./digits_config.ts";

/** Side of the painted digits, in pixels. */
export const digitSize = 8;

/** The digits of the config at 8x8, split. Judges see all classes; the generator learns the wanted ones. */
export async function loadDigits(
  { source, train, test }: DigitsArGrpoConfig["data"],
): Promise<{ train: Digits; test: Digits }> {
  const digits = source === "mnist" ? await loadMnist() : await readIdxDigits(source.images, source.labels);
  return splitDigits(resizeDigits(digits, digitSize), { train, test });
}

/** The digits of some classes. */
export function ofClasses(digits: Digits, classes: readonly number[]): Digits {
  return selectDigits(digits, [...digits.labels.keys()].filter((i) => classes.includes(digits.labels[i]!)));
}
