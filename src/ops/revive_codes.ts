import shader from "../../shaders/revive_codes.wgsl" with { type: "text" };
import type { Scalar } from "../gpu/params.ts";
import { foldGrid } from "../tensor/device.ts";
import { keyParams, type RandomKey } from "../tensor/philox.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const source = { name: "revive_codes", text: shader };
/** Most vectors that a lane looks through: an invocation is stopped silently after 65,535 iterations. */
const mostVectors = 60000;

/** A batch and the codebook that it was quantised with. */
export interface CodebookBatch {
  /** i32 `[N]`, the codes of the batch. */
  readonly codes: Tensor;
  /** `[N, D]`, what they stand for. */
  readonly vectors: Tensor;
  /** `[K, D]`, changed in place. */
  readonly table: Tensor;
  /** u32 `[K]`, calls since each code was last used, changed in place. */
  readonly age: Tensor;
}

/**
 * Counts how long each code has been unused and sets those that reach the window on vectors of the batch, drawn at
 * random: a code far from all vectors would never be used nor moved again. In place and outside the tape; random numbers
 * are `philox([k, 0, step, purpose], [seed, stream])` for code k.
 *
 * @param window calls without use until a code is revived; 2^32 - 1 keeps all as they are.
 * @throws {RangeError} for shapes or types that do not fit, and more than 60,000 vectors.
 */
export function reviveCodes(batch: CodebookBatch, window: number | Scalar, key: RandomKey): void {
  const { codes, vectors, table, age } = batch;
  requireRank("revive_codes", "table", table.shape, 2);
  const [count, size] = table.shape as [number, number];
  const n = codes.size;
  requireShape("revive_codes", "vectors", vectors.shape, [n, size]);
  requireShape("revive_codes", "age", age.shape, [count]);
  if (codes.dtype !== "i32" || age.dtype !== "u32") {
    throw new RangeError(
      `Cannot apply revive_codes: codes must be i32 and age u32, got ${codes.dtype} and ${age.dtype}`,
    );
  }
  if (n > mostVectors) {
    throw new RangeError(
      `Cannot apply revive_codes to ${n} vectors: wanted at most ${mostVectors}; pass a part of them`,
    );
  }
  table.device.launch(source, "forward", {
    read: [codes, vectors],
    write: [table, age],
    params: { n, count, size, window, ...keyParams(key) },
    grid: foldGrid(Math.ceil(count / 8)),
  });
}
