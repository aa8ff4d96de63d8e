import type { TokenCodes } from "../../src/data/token_codes.ts";
import { seededRandom } from "../support/random.ts";

/** Codes of 4x4 cells out of 12, no two rows alike: class c has mostly the codes 4 c to 4 c + 3. */
export function tinyCodes(images: number, crops: number): TokenCodes {
  const random = seededRandom(9), cells = 16;
  const labels = Int32Array.from({ length: images }, (_, n) => n % 3);
  const codes = Int32Array.from({ length: images * crops * cells }, (_, i) => {
    const label = labels[Math.floor(i / (crops * cells))]!;
    return random() < 0.9 ? 4 * label + Math.floor(4 * random()) : Math.floor(12 * random());
  });
  return { codes, shape: [images, crops, cells], labels };
}
