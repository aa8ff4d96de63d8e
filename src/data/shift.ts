import { philox, unitFloat } from "../tensor/philox.ts";

/** Names the shifts of one batch: image i moves by words of `philox([i, step, 0, 0], [seed, stream])`. */
export interface ShiftKey {
  /** The run's seed, u32. */
  readonly seed: number;
  /** Separates users of a seed, u32. */
  readonly stream: number;
  /** Number of the batch, u32. */
  readonly step: number;
}

/**
 * Moves every image by a whole number of pixels of its own, down and to the right, each uniform in `-most .. most`; what
 * comes in is 0. Equal keys give equal shifts.
 *
 * @param images `[N, size, size]` grey levels, row by row; not changed.
 */
export function shiftDigits(images: Uint8Array, size: number, most: number, key: ShiftKey): Uint8Array {
  const area = size * size, moved = new Uint8Array(images.length);
  for (let i = 0; i < images.length / area; i++) {
    const words = philox([i, key.step, 0, 0], [key.seed, key.stream]);
    const [down, right] = words.map((word) => Math.floor(unitFloat(word) * (2 * most + 1)) - most) as [number, number];
    const columns = size - Math.abs(right);
    for (let row = Math.max(0, -down); row < size - Math.max(0, down); row++) {
      const from = i * area + row * size + Math.max(0, -right);
      const to = i * area + (row + down) * size + Math.max(0, right);
      moved.set(images.subarray(from, from + columns), to);
    }
  }
  return moved;
}
