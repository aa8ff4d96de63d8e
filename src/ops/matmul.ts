import shader from "../../shaders/matmul.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireShape, type Shape, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp, type Run } from "./op.ts";

/** Activations that the matmul applies to its sums; each has a derivative in terms of its own output. */
export type Epilogue = "none" | "relu" | "tanh" | "sigmoid";
const epilogues: readonly Epilogue[] = ["none", "relu", "tanh", "sigmoid"];

/** How the operands are stored: `a [M, K] w [K, N]`, `a [M, K] w [N, K]` or `a [K, M] w [K, N]`. */
export type Layout = "nn" | "nt" | "tn";

/** One product: sizes, layout and distances in elements between the matrices of a batch. */
interface Product {
  readonly layout: Layout;
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly sharedW: boolean;
}

/** Longest sum of one launch: four elements a turn in the tiles, one in the naive kernel, 65,535 turns at most. */
const kChunk = 65_532;

/** Work below which copying the operands to textures costs more than the tiles gain. */
const laneFlops = 2e5;

function product(
  run: Run,
  p: Product,
  a: Tensor,
  w: Tensor,
  out: Tensor,
  bias: Tensor | null = null,
  epilogue: Epilogue = "none",
): void {
  const { layout, batch, m, n, k } = p;
  const aligned = n % 4 === 0 && k % 4 === 0 && (layout !== "tn" || m % 4 === 0);
  const flops = 2 * batch * m * n * k;
  const lane = run.device.gpu.adapter.subgroupSize === 8 && aligned && flops >= laneFlops;
  const operands = lane ? [run.device.texture(a), run.device.texture(w)] : [a, w];
  const tile = { TM: m > 64 ? 32 : m > 8 ? 16 : 8, TN: n >= 64 ? 2 : 1 };
  const strides = layout === "tn" ? { a_row: 1, a_k: m } : { a_row: k, a_k: 1 };
  const columns = layout === "nt" ? { w_k: 1, w_col: k } : { w_k: n, w_col: 1 };
  for (let start = 0; start < k; start += kChunk) {
    const end = Math.min(k, start + kChunk);
    const last = end === k;
    const overrides = {
      BIAS: last && bias ? 1 : 0,
      ACT: last ? epilogues.indexOf(epilogue) : 0,
      ADD: start > 0 ? 1 : 0,
      ...(lane ? tile : {}),
    };
    run.kernel(lane ? `lane_${layout}` : "naive", {
      read: [...operands, bias ?? w],
      write: [out],
      params: {
        m,
        n,
        k_start: start,
        k_end: end,
        a_batch: m * k,
        w_batch: p.sharedW ? 0 : k * n,
        ...strides,
        ...columns,
        k,
      },
      overrides,
      grid: lane ? [Math.ceil(n / (32 * tile.TN)), Math.ceil(m / tile.TM), batch] : [Math.ceil(n / 32), m, batch],
      cost: { flops: 2 * batch * m * n * (end - start), bytes: 4 * batch * (m * k + k * n + m * n) },
    });
  }
}

/** Column sums of `[rows, n]` in levels of 128 rows. */
function sumRows(run: Run, x: Tensor, rows: number, n: number): Tensor {
  let [from, m] = [x, rows];
  do {
    const chunks = Math.ceil(m / 128);
    const to = run.empty([chunks, n]);
    const sizes = { k_start: 0, k_end: 0, a_batch: 0, w_batch: 0, a_row: 0, a_k: 0, w_k: 0, w_col: 0, k: 0 };
    run.kernel("sum_rows", {
      read: [from],
      write: [to],
      params: { m, n, ...sizes },
      grid: [Math.ceil(n / 32), chunks],
    });
    [from, m] = [to, chunks];
  } while (m > 1);
  return from.view([n]);
}

/** The op behind {@link matmul}. A missing bias is the operand `w` with `bias: false`. */
export const matmulOp = defineOp({
  name: "matmul",
  shader,
  shape(inputs: [Tensor, Tensor] | [Tensor, Tensor, Tensor], attributes: { layout: Layout; epilogue: Epilogue }) {
    const [a, w, bias] = inputs;
    const { layout } = attributes;
    const fail = (reason: string): never => {
      throw new RangeError(`Cannot multiply ${showShape(a.shape)} by ${showShape(w.shape)} (${layout}): ${reason}`);
    };
    if (a.shape.length < 2 || w.shape.length < 2) fail("both operands must have at least 2 axes");
    const [aRows, aCols] = a.shape.slice(-2) as [number, number];
    const [wRows, wCols] = w.shape.slice(-2) as [number, number];
    const [m, k] = layout === "tn" ? [aCols, aRows] : [aRows, aCols];
    const [wk, n] = layout === "nt" ? [wCols, wRows] : [wRows, wCols];
    if (k !== wk) fail(`inner sizes must match, got ${k} and ${wk}`);
    const lead: Shape = a.shape.slice(0, -2);
    const batch = sizeOf(lead);
    const wBatch = sizeOf(w.shape.slice(0, -2));
    if (wBatch !== 1 && wBatch !== batch) fail(`batch sizes must match, got ${batch} and ${wBatch}`);
    if (wBatch === 1 && batch > 1 && layout === "tn") fail("a shared second operand needs layout nn or nt");
    if (bias) requireShape("matmul", "bias", bias.shape, [n]);
    const shared = wBatch === 1;
    // One matrix for the whole batch: the batch is just more rows.
    const p: Product = shared
      ? { layout, batch: 1, m: m * batch, n, k, sharedW: true }
      : { layout, batch, m, n, k, sharedW: false };
    return { p, out: [...lead, m, n] };
  },
  forward(run, inputs, { epilogue }, { p, out }) {
    const [a, w, bias] = inputs;
    const c = run.empty(out);
    product(run, p, a, w, c, bias ?? null, epilogue);
    return { out: c, saved: { a, w, c, p, biased: bias !== undefined } };
  },
  backward(run, { a, w, c, p, biased }, dc, [wantA, wantW, wantBias], { epilogue }) {
    const { layout, batch, m, n, k } = p;
    let dz = dc;
    if (epilogue !== "none") {
      dz = run.empty(c.shape);
      const sizes = { k_start: 0, k_end: 0, a_batch: 0, w_batch: 0, a_row: 0, a_k: 0, w_k: 0, w_col: 0, k: 0 };
      run.kernel("backward_activation", {
        read: [c, dc],
        write: [dz],
        params: { m: batch * m, n, ...sizes },
        overrides: { ACT: epilogues.indexOf(epilogue) },
        grid: foldGrid(Math.ceil(c.size / 64)),
      });
    }
    const da = wantA ? run.empty(a.shape) : null;
    const dw = wantW ? run.empty(w.shape) : null;
    const same = { batch, sharedW: p.sharedW }, each = { batch, sharedW: false };
    if (layout === "tn") {
      if (da) product(run, { layout: "nt", m: k, n: m, k: n, ...each }, w, dz, da);
      if (dw) product(run, { layout: "nn", m: k, n, k: m, ...each }, a, dz, dw);
    } else {
      if (da) product(run, { layout: layout === "nn" ? "nt" : "nn", m, n: k, k: n, ...same }, dz, w, da);
      if (dw && layout === "nn") product(run, { layout: "tn", m: k, n, k: m, ...each }, a, dz, dw);
      if (dw && layout === "nt") product(run, { layout: "tn", m: n, n: k, k: m, ...each }, dz, a, dw);
    }
    const dbias = biased && wantBias ? sumRows(run, dz, batch * m, n) : null;
    return biased ? [da, dw, dbias] : [da, dw];
  },
});

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** Default `nn`. */
  layout?: Layout;
  /** `[N]`, added to every row. */
  bias?: Tensor;
  /** Applied last; default `none`. */
  epilogue?: Epilogue;
}

/**
 * Batched matrix product `c = act(a w + bias)`: `[.., M, K] x [.., K, N] -> [.., M, N]`.
 *
 * `layout` names how the operands are stored (`nt`: w is `[.., N, K]`, as PyTorch stores weights; `tn`: a is
 * `[.., K, M]`), so that nothing is ever transposed. A `w` of two axes serves the whole batch.
 *
 * Backward `dz = dc act'(z)`, `da = dz w^T`, `dw = a^T dz`, `dbias = sum over rows of dz`.
 *
 * @throws {RangeError} where inner sizes, batches or the bias do not fit.
 */
export function matmul(a: Tensor, w: Tensor, options: MatmulOptions = {}): Tensor {
  const { layout = "nn", bias, epilogue = "none" } = options;
  return matmulOp(bias ? [a, w, bias] : [a, w], { layout, epilogue });
}
