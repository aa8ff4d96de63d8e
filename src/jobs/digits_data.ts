import { z } from "zod";
import { type Digits, loadMnist, resizeDigits, selectDigits, splitDigits } from "../data/digits.ts";
import { readIdxDigits } from "../data/idx.ts";

const count = z.int().min(1);

/** Where digits come from, as configs spell it: the npm package or IDX files, and how many to learn from and to hold out. */
export const digitsSourceSchema = z.strictObject({
  source: z.union([z.literal("mnist"), z.strictObject({ images: z.string(), labels: z.string() })]),
  train: count,
  test: count,
});

/** See {@link digitsSourceSchema}. */
export type DigitsSource = z.output<typeof digitsSourceSchema>;

/** Digits to learn from, and digits held out. */
export interface SplitDigits {
  readonly train: Digits;
  readonly test: Digits;
}

/** The digits of a config in their own size, split. */
export async function loadFullDigits({ source, train, test }: DigitsSource): Promise<SplitDigits> {
  const digits = source === "mnist" ? await loadMnist() : await readIdxDigits(source.images, source.labels);
  return splitDigits(digits, { train, test });
}

/** Side of small digits, in pixels. */
export const digitSize = 8;

/** {@link loadFullDigits} at 8x8. Judges see all classes; the generator learns the wanted ones. */
export async function loadDigits(data: DigitsSource): Promise<SplitDigits> {
  const { train, test } = await loadFullDigits(data);
  return { train: resizeDigits(train, digitSize), test: resizeDigits(test, digitSize) };
}

/** The digits of some classes. */
export function ofClasses(digits: Digits, classes: readonly number[]): Digits {
  return selectDigits(digits, [...digits.labels.keys()].filter((i) => classes.includes(digits.labels[i]!)));
}
