import { permutation, philox, unitFloat } from "../tensor/philox.ts";

/** A rule for the order in which cells are painted. */
export type DecodeOrder = "random" | "random_shared" | "raster" | "spread" | "halton" | "centre" | "rim";

/** All of them. */
export const decodeOrders: readonly DecodeOrder[] = [
  "random",
  "random_shared",
  "raster",
  "spread",
  "halton",
  "centre",
  "rim",
];

/** Philox stream of orders. */
const orderStream = 0x6f72;

/**
 * The order in which a rule paints the cells of a square grid, `[cells]`.
 *
 * - `random`: uniform, of its own for every sample (section 3.3 of arXiv 2503.10568 draws one for the whole batch:
 *   `random_shared`).
 * - `raster`: row by row.
 * - `spread`: each next cell as far as possible from those painted (farthest-point sampling; ties by the sample's
 *   random order), so that the cells of a group are far from each other, too.
 * - `halton`: the low-discrepancy sequence of bases 2 and 3, shifted at random for each sample (Cranley-Patterson), each
 *   point taking the nearest free cell.
 * - `centre`, `rim`: by rising or falling distance from the middle, ties by the sample's random order.
 *
 * @param sample number of the sample, as for its other random numbers.
 */
export function cellOrder(rule: DecodeOrder, cells: number, seed: number, sample: number): Int32Array {
  const width = Math.sqrt(cells);
  const random = () => Int32Array.from(permutation(cells, [philox([sample, 0, 0, 0], [seed, orderStream])[0], 0]));
  const fromMiddle = (cell: number) =>
    Math.hypot(Math.floor(cell / width) - (width - 1) / 2, cell % width - (width - 1) / 2);
  switch (rule) {
    case "random":
      return random();
    case "random_shared":
      return cellOrder("random", cells, seed, -1 >>> 0);
    case "raster":
      return Int32Array.from({ length: cells }, (_, i) => i);
    case "spread":
      return spread(random(), width);
    case "halton":
      return halton(cells, width, philox([sample, 1, 0, 0], [seed, orderStream]));
    case "centre":
      return random().sort((a, b) => fromMiddle(a) - fromMiddle(b));
    case "rim":
      return random().sort((a, b) => fromMiddle(b) - fromMiddle(a));
  }
}

/** Puts the cells that are known first, in raster order; the others keep their order. */
export function knownFirst(order: Int32Array, known: Uint8Array): Int32Array {
  const first = [...known.keys()].filter((cell) => known[cell]);
  return Int32Array.from([...first, ...order.filter((cell) => !known[cell])]);
}

function spread(order: Int32Array, width: number): Int32Array {
  const left = [...order];
  const nearest = left.map(() => Infinity); // squared distance to the nearest painted cell
  const out: number[] = [];
  while (left.length) {
    const at = nearest.indexOf(Math.max(...nearest));
    const [cell] = left.splice(at, 1) as [number];
    nearest.splice(at, 1);
    out.push(cell);
    left.forEach((other, i) => {
      const dy = Math.floor(other / width) - Math.floor(cell / width), dx = other % width - cell % width;
      nearest[i] = Math.min(nearest[i]!, dy * dy + dx * dx);
    });
  }
  return Int32Array.from(out);
}

function halton(cells: number, width: number, words: readonly number[]): Int32Array {
  const shiftY = unitFloat(words[0]!), shiftX = unitFloat(words[1]!);
  const free = new Set(Array.from({ length: cells }, (_, i) => i));
  const out: number[] = [];
  for (let n = 1; free.size; n++) {
    const y = (radicalInverse(n, 2) + shiftY) % 1 * width, x = (radicalInverse(n, 3) + shiftX) % 1 * width;
    let best = -1, distance = Infinity;
    for (const cell of free) {
      const d = (Math.floor(cell / width) + 0.5 - y) ** 2 + (cell % width + 0.5 - x) ** 2;
      if (d < distance) [best, distance] = [cell, d];
    }
    free.delete(best);
    out.push(best);
  }
  return Int32Array.from(out);
}

/** The digits of n in a base, mirrored at the point. */
function radicalInverse(n: number, base: number): number {
  let value = 0;
  for (let scale = 1 / base; n > 0; n = Math.floor(n / base), scale /= base) value += n % base * scale;
  return value;
}
