import shader from "../../shaders/matmul.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireShape, type Shape, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Epilogue, epilogues, type Layout, noSum, type Product, product, sumRows } from "./matmul_product.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

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
    requireDType("matmul", "a", a, "f32");
    requireDType("matmul", "w", w, "f32");
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
    product(run.device, p, a, w, c, bias ?? null, epilogue);
    return { out: c, saved: { a, w, c, p, biased: bias !== undefined } };
  },
  backward(run, { a, w, c, p, biased }, dc, [wantA, wantW, wantBias], { epilogue }) {
    const { layout, batch, m, n, k } = p;
    let dz = dc;
    if (epilogue !== "none") {
      dz = run.empty(c.shape);
      run.kernel("backward_activation", {
        read: [c, dc],
        write: [dz],
        params: { m: batch * m, n, ...noSum },
        overrides: { ACT: epilogues.indexOf(epilogue) },
        grid: foldGrid(Math.ceil(c.size / 64)),
      });
    }
    const da = wantA ? run.empty(a.shape) : null;
    const dw = wantW ? run.empty(w.shape) : null;
    const same = { batch, sharedW: p.sharedW }, each = { batch, sharedW: false };
    if (layout === "tn") {
      if (da) product(run.device, { layout: "nt", m: k, n: m, k: n, ...each }, w, dz, da);
      if (dw) product(run.device, { layout: "nn", m: k, n, k: m, ...each }, a, dz, dw);
    } else {
      if (da) product(run.device, { layout: layout === "nn" ? "nt" : "nn", m, n: k, k: n, ...same }, dz, w, da);
      if (dw && layout === "nn") product(run.device, { layout: "tn", m: k, n, k: m, ...each }, a, dz, dw);
      if (dw && layout === "nt") product(run.device, { layout: "tn", m: n, n: k, k: m, ...each }, dz, a, dw);
    }
    const dbias = biased && wantBias ? sumRows(run.device, dz, batch * m, n) : null;
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
