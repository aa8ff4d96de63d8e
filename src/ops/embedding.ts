import shader from "../../shaders/embedding.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp, type Run } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Most positions one backward walk may meet: an invocation is stopped silently after 65,535 iterations. */
const slab = 32768;
/** Pieces of a row that a lane copies: 2^20 elements take 0.9 ms on llvmpipe, 1.0 ms with four, 1.3 to 1.7 ms with one. */
const mostPieces = 8;

/** The op behind {@link embedding}. */
export const embeddingOp = defineOp({
  name: "embedding",
  shader,
  shape([table, ids]: [Tensor, Tensor], _attributes: Record<never, never>) {
    requireDType("embedding", "table", table, "f32");
    requireRank("embedding", "table", table.shape, 2);
    if (ids.dtype !== "i32") {
      throw new RangeError(`Cannot apply embedding: ids must be i32, got ${ids.dtype}; make them from an Int32Array`);
    }
    const [vocab, channels] = table.shape as [number, number];
    const wide = channels % 4 === 0;
    return { vocab, cols: wide ? channels / 4 : channels, suffix: wide ? "4" : "", outShape: [...ids.shape, channels] };
  },
  forward(run, [table, ids], _attributes, { vocab, cols, suffix, outShape }) {
    const y = run.empty(outShape);
    const count = ids.size;
    const pieces = suffix && cols % mostPieces === 0 ? mostPieces : 1;
    run.kernel(`forward${suffix}`, {
      read: [table, ids],
      write: [y],
      params: { first: 0, count, vocab, cols: cols / pieces, chunk: 1, chunks: 1, accumulate: 0 },
      overrides: { PIECES: pieces },
      grid: foldGrid(Math.ceil(count * cols / pieces / 64)),
      cost: { bytes: y.size * 8 },
    });
    return { out: y, saved: { ids, tableShape: table.shape, vocab, cols, suffix } };
  },
  backward(run, { ids, tableShape, vocab, cols, suffix }, dy, [wanted]) {
    if (!wanted) return [null, null];
    const dtable = run.empty(tableShape);
    for (let first = 0; first < ids.size; first += slab) {
      const count = Math.min(slab, ids.size - first);
      // Small chunks for parallel lanes, but no more than about a million list heads to clear and join.
      const chunk = Math.max(64, Math.ceil(count * vocab / 2 ** 20));
      const chunks = Math.ceil(count / chunk);
      const params = { first, count, vocab, cols, chunk, chunks, accumulate: first > 0 ? 1 : 0 };
      const { head, next } = linkPositions(run, ids, params);
      run.kernel(`backward_table${suffix}`, {
        read: [dy, head, next],
        write: [dtable],
        params,
        grid: foldGrid(Math.ceil(vocab * cols / 64)),
        cost: { flops: dtable.size / vocab * count, bytes: (dtable.size + dtable.size / vocab * count) * 4 },
      });
    }
    return [dtable, null];
  },
});

/** Lists of the positions of each id: `head[v]` begins the list of v, `next` goes on. */
function linkPositions(run: Run, ids: Tensor, params: { vocab: number; chunks: number } & Record<string, number>) {
  const { vocab, chunks } = params;
  const head = run.zeros([chunks, vocab], "u32");
  const tail = run.empty([chunks, vocab], "u32");
  const next = run.empty([ids.size], "u32");
  run.kernel("chain", { read: [ids], write: [head, tail, next], params, grid: foldGrid(Math.ceil(chunks / 64)) });
  run.kernel("join", { read: [tail], write: [head, next], params, grid: foldGrid(Math.ceil(vocab / 64)) });
  return { head, next };
}

/**
 * Rows of a table, `[V, C]` and i32 ids `[..]` to `[.., C]`. An id outside `[0, V)` gives zeros and gets no gradient.
 *
 * Forward `y[n] = table[ids[n]]`, backward `dtable[v] = sum of dy[n] over ids[n] = v`, summed in ascending n.
 *
 * @throws {RangeError} for a table that is not an f32 matrix, or ids that are not i32.
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  return embeddingOp([table, ids], {});
}
