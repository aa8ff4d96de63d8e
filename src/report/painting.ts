import { UserError } from "../error.ts";

/** Images and the steps in which they were painted, cell by cell. */
export interface Painting {
  /** `[N, size, size, channels]`, finished. */
  readonly images: Uint8Array;
  /** `[N, cells]`: the step of each cell, counted from 0; -1 where it was known from the start. */
  readonly steps: Int32Array;
  /** Height and width of an image in pixels. */
  readonly size: number;
  /** Cells in a row of an image, as many as in a column. */
  readonly grid: number;
  /** 1 for grey images (the default), 3 for RGB. */
  readonly channels?: 1 | 3;
}

/** The grey of cells that are not painted yet. */
const unpainted = 128;

/**
 * What a model had painted before its first step, after it, and so on to the last: as many arrays
 * `[N, size, size, channels]` as steps and one more, in which cells not painted yet are grey.
 *
 * @throws {UserError} where images, steps and grid do not fit each other.
 */
export function paintingFrames(painting: Painting): Uint8Array[] {
  const last = painting.steps.reduce((most, step) => Math.max(most, step), -1);
  return Array.from({ length: last + 2 }, (_, count) => paintedUpTo(painting, count - 1));
}

/**
 * The images with every cell grey that was painted after `step`.
 *
 * @throws {UserError} where images, steps and grid do not fit each other.
 */
export function paintedUpTo({ images, steps, size, grid, channels = 1 }: Painting, step: number): Uint8Array {
  const side = size / grid, row = size * channels;
  const count = images.length / (size * row);
  if (!Number.isInteger(side) || !Number.isInteger(count) || steps.length !== count * grid * grid) {
    throw new UserError(
      `A painting of ${size}x${size}x${channels} images in ${grid}x${grid} cells needs whole cells, whole images and ` +
        `a step a cell, got ${images.length} bytes and ${steps.length} steps: check size, grid and channels`,
    );
  }
  const frame = images.slice();
  steps.forEach((painted, cell) => {
    if (painted <= step) return;
    const n = Math.floor(cell / grid ** 2), left = cell % grid * side;
    const top = Math.floor(cell / grid) % grid * side;
    for (let y = top; y < top + side; y++) {
      const from = (n * size + y) * row + left * channels;
      frame.fill(unpainted, from, from + side * channels);
    }
  });
  return frame;
}
