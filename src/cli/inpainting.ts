import { UserError } from "../error.ts";
import type { ArpgPainter, KnownCells } from "../eval/arpg_painter.ts";
import { cellSize } from "../models/vq_config.ts";
import { type ImageFile, readImage } from "../report/read_image.ts";

/**
 * What of an image is known: its tokens, in the cells that the mask leaves alone. A cell is painted anew where the mask
 * is white (above half) at any of its pixels.
 *
 * @throws {UserError} for images of other sizes than the model's, or a mask that leaves nothing to paint.
 */
export async function knownCells(painter: ArpgPainter, image: string, mask: string): Promise<KnownCells> {
  const { model: { device, config: { cells }, sizes: { width } }, tokenizer } = painter;
  const side = cellSize(tokenizer.config), size = width * side, channels = tokenizer.config.image_channels;
  const [picture, marks] = [await readSquare(image, size), await readSquare(mask, size)];
  const repaint = new Uint8Array(cells);
  const values = new Float32Array(channels * size * size);
  for (let i = 0; i < size * size; i++) {
    const row = Math.floor(i / size), column = i % size;
    if (grey(marks, i) > 127) repaint[Math.floor(row / side) * width + Math.floor(column / side)] = 1;
    for (let c = 0; c < channels; c++) {
      const value = channels === 1 ? grey(picture, i) : picture.pixels[4 * i + c]!;
      values[c * size * size + i] = value / 127.5 - 1;
    }
  }
  if (!repaint.includes(1)) {
    throw new UserError(`Cannot inpaint: the mask ${mask} is black everywhere; make white what to paint anew`);
  }
  using _scope = device.scope();
  const codes = device.noGrad(() => tokenizer.encode(device.tensor(values, [1, channels, size, size])));
  return { codes: await codes.data() as Int32Array, mask: repaint.map((bit) => 1 - bit) };
}

async function readSquare(path: string, size: number): Promise<ImageFile> {
  const image = await readImage(path);
  if (image.width === size && image.height === size) return image;
  throw new UserError(
    `Cannot inpaint ${path}: wanted ${size} x ${size} pixels, as the model paints, got ${image.width} x ${image.height}`,
  );
}

/** Luma of ITU-R BT.601, as Pillow's conversion to grey takes it. */
function grey({ pixels }: ImageFile, i: number): number {
  const [r, g, b] = [pixels[4 * i]!, pixels[4 * i + 1]!, pixels[4 * i + 2]!];
  return (299 * r + 587 * g + 114 * b) / 1000;
}
