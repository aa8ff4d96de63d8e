import { squarePixels } from "../data/square_pixels.ts";
import { UserError } from "../error.ts";
import type { ArpgPainter, KnownCells } from "../eval/arpg_painter.ts";
import { cellSize } from "../models/vq_config.ts";
import { readImage } from "../report/read_image.ts";

/**
 * What of an image is known: its tokens, in the cells that the mask leaves alone. A cell is painted anew where the mask
 * is white (above half) at any of its pixels. Image and mask are cut and resized to what the model paints.
 *
 * @throws {UserError} for an image and a mask of different sizes, or a mask that leaves nothing to paint.
 */
export async function knownCells(painter: ArpgPainter, image: string, mask: string): Promise<KnownCells> {
  const { model: { device, config: { cells }, sizes: { width } }, tokenizer } = painter;
  const side = cellSize(tokenizer.config), size = width * side;
  const channels = tokenizer.config.image_channels === 3 ? 3 : 1;
  const [picture, marks] = [await readImage(image), await readImage(mask)];
  if (picture.width !== marks.width || picture.height !== marks.height) {
    throw new UserError(
      `Cannot inpaint: the mask must have the size of the image, ${picture.width} x ${picture.height}, got ` +
        `${marks.width} x ${marks.height}`,
    );
  }
  const white = squarePixels(marks, size, 1);
  const repaint = new Uint8Array(cells);
  white.forEach((value, i) => {
    const row = Math.floor(i / size), column = i % size;
    if (value > 127) repaint[Math.floor(row / side) * width + Math.floor(column / side)] = 1;
  });
  if (!repaint.includes(1)) {
    throw new UserError(`Cannot inpaint: the mask ${mask} is black everywhere; make white what to paint anew`);
  }
  const pixels = squarePixels(picture, size, channels), area = size * size;
  const values = Float32Array.from(
    { length: pixels.length },
    (_, i) => pixels[i % area * channels + Math.floor(i / area)]! / 127.5 - 1,
  );
  using _scope = device.scope();
  const codes = device.noGrad(() => tokenizer.encode(device.tensor(values, [1, channels, size, size])));
  return { codes: await codes.data() as Int32Array, mask: repaint.map((bit) => 1 - bit) };
}
