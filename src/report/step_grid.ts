import { UserError } from "../error.ts";
import { encodePng } from "./png.ts";
import { viridis } from "./viridis.ts";

/** What {@link stepGrid} draws. */
export interface StepGridOptions {
  /** `[N, grid, grid]`: the step in which a cell was painted, counted from 0; -1 where it was known from the start. */
  steps: Int32Array;
  /** Cells in a row of an image, as many as in a column. */
  grid: number;
  /** Images per row. */
  columns: number;
  /** T, steps from the first colour to the last. Default: as many as `steps` has. */
  total?: number;
  /** Side of a cell in the picture. Default 8. */
  scale?: number;
  /** White pixels around every image. Default 6. */
  gap?: number;
}

const fontSize = 14;
/** Height of the legend's bar, and of the row that it stands in. */
const bar = 14, legendHeight = 34;
/** Width of the legend: its bar grows with the picture, its words do not. */
const leastBar = 96, words = 80, knownWords = 84;

/**
 * Draws in which order images were painted: every cell in the colour of its step, from dark (the first) to light (the
 * last), hatched grey where it was known from the start, above a legend from step 1 to T. The bytes of a PNG file.
 * Needs `--allow-read` for the font and the SVG renderer in Deno's npm cache.
 *
 * @throws {UserError} where the steps are not whole images, or lie beyond `total`.
 */
export async function stepGrid(options: StepGridOptions): Promise<Uint8Array> {
  const { steps, grid, gap = 6 } = options;
  const last = steps.reduce((most, step) => Math.max(most, step), -1);
  const total = options.total ?? last + 1;
  const count = steps.length / grid ** 2;
  if (!Number.isInteger(count) || count === 0 || last >= total) {
    throw new UserError(
      `A grid of steps needs whole ${grid}x${grid} images with steps from -1 to ${total - 1}, got ${steps.length} ` +
        `cells with steps up to ${last}`,
    );
  }
  const { pixels, width, height } = drawCells(options, total);
  const known = steps.includes(-1);
  const barWidth = Math.max(leastBar, Math.min(360, width - 2 * gap - words - (known ? knownWords : 0)));
  const fullWidth = Math.max(width, 2 * gap + words + barWidth + (known ? knownWords : 0));
  const png = encodePng(pixels, width, height).toBase64();
  const { rasterizeSvg } = await import("./rasterize.ts");
  return rasterizeSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fullWidth}" height="${height + legendHeight}"` +
      ` font-size="${fontSize}" fill="#222"><rect width="100%" height="100%" fill="white"/>` +
      `<image width="${width}" height="${height}" href="data:image/png;base64,${png}"/>` +
      `<g transform="translate(${gap} ${height + 6})">${legend(total, barWidth, known)}</g></svg>`,
    1,
  );
}

function drawCells({ steps, grid, columns, scale = 8, gap = 6 }: StepGridOptions, total: number) {
  const count = steps.length / grid ** 2, side = grid * scale + gap;
  const width = Math.min(columns, count) * side + gap, height = Math.ceil(count / columns) * side + gap;
  const pixels = new Uint8Array(width * height * 3).fill(255);
  steps.forEach((step, cell) => {
    const n = Math.floor(cell / grid ** 2);
    const left = gap + n % columns * side + cell % grid * scale;
    const top = gap + Math.floor(n / columns) * side + Math.floor(cell / grid) % grid * scale;
    for (let y = top; y < top + scale; y++) {
      for (let x = left; x < left + scale; x++) pixels.set(colorAt(step, total, x, y), 3 * (y * width + x));
    }
  });
  return { pixels, width, height };
}

function colorAt(step: number, total: number, x: number, y: number): readonly number[] {
  if (step >= 0) return viridis(total > 1 ? step / (total - 1) : 0);
  return (x + y) % 4 === 0 ? [130, 130, 130] : [216, 216, 216];
}

/** A bar of `total` colours between the first and the last step, and a hatched square for known cells. */
function legend(total: number, width: number, known: boolean): string {
  const baseline = bar - 2, from = 50;
  const parts = Array.from({ length: total }, (_, step) => {
    const [left, right] = [step, step + 1].map((edge) => Math.round(edge * width / total)) as [number, number];
    const fill = `rgb(${colorAt(step, total, 0, 0).join(" ")})`;
    return `<rect x="${from + left}" width="${right - left}" height="${bar}" fill="${fill}"/>`;
  });
  if (total > 0) {
    parts.push(`<text y="${baseline}">step 1</text><text x="${from + width + 6}" y="${baseline}">${total}</text>`);
  }
  if (known) {
    const square = new Uint8Array(bar * bar * 3);
    for (let i = 0; i < bar * bar; i++) square.set(colorAt(-1, total, i % bar, Math.floor(i / bar)), 3 * i);
    const x = from + width + words - from, href = `data:image/png;base64,${encodePng(square, bar, bar).toBase64()}`;
    parts.push(
      `<image x="${x}" width="${bar}" height="${bar}" href="${href}"/>`,
      `<text x="${x + bar + 6}" y="${baseline}">known</text>`,
    );
  }
  return parts.join("");
}
