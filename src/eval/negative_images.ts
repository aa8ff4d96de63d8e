import { permutation, philox, unitFloat } from "../tensor/philox.ts";

/**
 * Writes a picture that is no digit into `out`, values in [0, 1], in turn by `position[1]`: a digit's pixels in random
 * order (its histogram without its shape), a digit rolled by half its size both ways (its strokes in the wrong places),
 * uniform noise of a random share of lit pixels, one constant grey level.
 *
 * @param digit grey levels of a square image, a source for the first two kinds.
 * @param position the number of the batch and of the row in it; key and position make the randomness.
 */
export function negativeImage(
  digit: Uint8Array,
  out: Float32Array,
  position: readonly [number, number],
  key: readonly [number, number],
): void {
  const [batch, row] = position;
  const [level, shuffle, other] = philox([batch, row, 3, 0], key);
  const size = Math.sqrt(out.length);
  switch (row % 4) {
    case 0:
      permutation(out.length, [shuffle, other]).forEach((from, to) => out[to] = digit[from]! / 255);
      break;
    case 1:
      for (let i = 0; i < out.length; i++) {
        const y = (Math.floor(i / size) + size / 2) % size, x = (i + size / 2) % size;
        out[i] = digit[y * size + x]! / 255;
      }
      break;
    case 2:
      for (let i = 0; i < out.length; i++) {
        const [lit, grey] = philox([batch, row, 4, i], key);
        out[i] = unitFloat(lit) < unitFloat(level) ? unitFloat(grey) : 0;
      }
      break;
    default:
      out.fill(unitFloat(level));
  }
}
