import shader from "../../shaders/lstm.wgsl" with { type: "text" };
import subgroupShader from "../../shaders/lstm_subgroup.wgsl" with { type: "text" };
import { requireRank, requireShape } from "../tensor/shape.ts";
import { sum } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { hasTiles, inTexture, product, sumRows, transposeInTexture } from "./matmul_product.ts";
import { defineOp, type Run } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { slice } from "./slice.ts";
import { reshape } from "./reshape.ts";

/** x, w_ih, w_hh, b_ih, b_hh, h0, c0. */
type LstmInputs = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];

const plain = { name: "lstm", text: shader };
const subgroup = { name: "lstm_subgroup", text: subgroupShader };

interface Sizes {
  readonly b: number;
  readonly steps: number;
  readonly input: number;
  readonly h: number;
}

/** Rows of a tile: fewer for small batches, so that both the lanes and the cores have work. */
function tileRows(b: number): number {
  return b > 8 ? 16 : 8;
}

function laneGrid({ b, h }: Sizes): [number, number] {
  return [Math.ceil(h / 32), Math.ceil(b / tileRows(b))];
}

interface LstmAttributes {
  /** W_hh^T in a texture, where the caller keeps it. */
  readonly transposed?: Tensor;
}

/** The op behind {@link lstm}: one layer over a sequence, outputs y and the last cell state. */
export const lstmOp = defineOp({
  name: "lstm",
  shader,
  shape(inputs: LstmInputs, _attributes: LstmAttributes): Sizes {
    const [x, wIh, wHh, bIh, bHh, h0, c0] = inputs;
    for (const tensor of inputs) requireDType("lstm", "every input", tensor, "f32");
    requireRank("lstm", "x", x.shape, 3);
    requireRank("lstm", "w_hh", wHh.shape, 2);
    const [b, steps, input] = x.shape as [number, number, number];
    const h = wHh.shape[1]!;
    requireShape("lstm", "w_hh", wHh.shape, [4 * h, h]);
    requireShape("lstm", "w_ih", wIh.shape, [4 * h, input]);
    requireShape("lstm", "b_ih", bIh.shape, [4 * h]);
    requireShape("lstm", "b_hh", bHh.shape, [4 * h]);
    requireShape("lstm", "h0", h0.shape, [b, h]);
    requireShape("lstm", "c0", c0.shape, [b, h]);
    return { b, steps, input, h };
  },
  forward(run, [x, wIh, wHh, bIh, bHh, h0, c0], { transposed }, sizes) {
    const { device } = run;
    const { b, steps, input, h } = sizes;
    const lanes = hasTiles(device, [h]);
    const xg = run.empty([b, steps, 4 * h]);
    const all = { layout: "nt", batch: 1, m: b * steps, n: 4 * h, k: input, sharedW: true } as const;
    product(device, all, x, wIh, xg, sum(bIh, bHh));
    const save = device.gradEnabled;
    const y = run.empty([b, steps, h]);
    const gates = run.empty(save ? [b, steps, 4 * h] : [1]);
    const hiddenBefore = run.empty(save ? [b, steps, h] : [1]);
    const cs = run.empty([b, steps, h]);
    const place = (tensor: Tensor) => lanes ? inTexture(tensor) : tensor;
    const gateInput = place(xg);
    const weights = lanes ? transposed ?? transposeInTexture(wHh) : wHh;
    const fresh = () => device.empty([b, h], "f32", "lstm", lanes ? "texture" : "buffer");
    const states = [0, 1].map(() => ({ h: fresh(), c: fresh() }));
    let before = { h: place(h0), c: place(c0) };
    for (let t = 0; t < steps; t++) {
      const after = states[t % 2]!;
      device.launch(lanes ? subgroup : plain, lanes ? "lane_step" : "step", {
        read: [gateInput, weights, before.h, before.c],
        write: [after.h, after.c, y, gates, cs, hiddenBefore],
        params: { b, t, steps, h },
        overrides: { SAVE: save ? 1 : 0, ...(lanes ? { TM: tileRows(b) } : {}) },
        grid: lanes ? laneGrid(sizes) : [Math.ceil(h / 32), b],
        cost: { flops: 8 * b * h * h },
      });
      before = after;
    }
    const last = steps === 1 ? cs.view([b, h]) : takeStep(run, cs, steps - 1);
    return { out: [y, last] as const, saved: { sizes, lanes, x, wIh, wHh, c0, hiddenBefore, gates, cs } };
  },
  backward(run, saved, [dyGiven, dc], wanted) {
    const { sizes, x, wIh, wHh, c0, hiddenBefore, gates, cs } = saved;
    const { b, steps, input, h } = sizes;
    const { device } = run;
    const [wantX, wantWIh, wantWHh, wantBIh, wantBHh, wantH0, wantC0] = wanted;
    // The tiles keep dc in a texture, from which nothing can be read back: initial states take the plain kernel.
    const lanes = saved.lanes && !wantH0 && !wantC0;
    const place = (tensor: Tensor) => lanes ? inTexture(tensor) : tensor;
    const fresh = (width: number) => device.empty([b, width], "f32", "lstm", lanes ? "texture" : "buffer");
    const dy = place(dyGiven ?? run.zeros([b, steps, h]));
    const [gatesIn, csIn, c0In, weights] = [place(gates), place(cs), place(c0), place(wHh)];
    const dz = run.empty([b, steps, 4 * h]);
    const states = [0, 1].map(() => ({ dz: fresh(4 * h), dc: fresh(h) }));
    let after = { dz: place(run.zeros([b, 4 * h])), dc: place(dc ?? run.zeros([b, h])) };
    for (let t = steps - 1; t >= 0; t--) {
      const state = states[t % 2]!;
      device.launch(lanes ? subgroup : plain, lanes ? "lane_backward_step" : "backward_step", {
        read: [gatesIn, csIn, c0In, dy, weights, after.dz, after.dc],
        write: [state.dz, state.dc, dz],
        params: { b, t, steps, h },
        ...(lanes ? { overrides: { TM: tileRows(b) } } : {}),
        grid: lanes ? laneGrid(sizes) : [Math.ceil(h / 32), b],
        cost: { flops: 8 * b * h * h },
      });
      after = state;
    }
    const rows = b * steps;
    const dx = wantX ? run.empty(x.shape) : null;
    const dWIh = wantWIh ? run.empty(wIh.shape) : null;
    const dWHh = wantWHh ? run.empty(wHh.shape) : null;
    const shared = { batch: 1, sharedW: true };
    const dzIn = hasTiles(device, [h, input, rows]) ? inTexture(dz) : dz; // one copy for the four products below
    if (dx) product(device, { layout: "nn", m: rows, n: input, k: 4 * h, ...shared }, dzIn, wIh, dx);
    if (dWIh) product(device, { layout: "tn", m: 4 * h, n: input, k: rows, ...shared }, dzIn, x, dWIh);
    if (dWHh) product(device, { layout: "tn", m: 4 * h, n: h, k: rows, ...shared }, dzIn, hiddenBefore, dWHh);
    const dBias = wantBIh || wantBHh ? sumRows(device, dzIn, rows, 4 * h) : null;
    let dh0: Tensor | null = null;
    if (wantH0) {
      dh0 = run.empty([b, h]);
      product(device, { layout: "nn", m: b, n: h, k: 4 * h, ...shared }, after.dz, wHh, dh0);
    }
    return [dx, dWIh, dWHh, wantBIh ? dBias : null, wantBHh ? dBias : null, dh0, wantC0 ? after.dc : null];
  },
});

/** `[B, T, C] -> [B, C]`, the elements of step `t`. */
function takeStep(run: Run, sequence: Tensor, t: number): Tensor {
  const [b, steps, h] = sequence.shape as [number, number, number];
  const out = run.empty([b, h]);
  run.kernel("take_step", {
    read: [sequence],
    write: [out],
    params: { b, t, steps, h },
    grid: [Math.ceil(h / 64), b],
  });
  return out;
}

/** Weights of one layer, under PyTorch's names and layouts. */
export interface LstmLayer {
  /** `[4H, I]`, gates in the order i, f, g, o. */
  readonly weightIh: Tensor;
  /** `[4H, H]`. */
  readonly weightHh: Tensor;
  /** `[4H]`. */
  readonly biasIh: Tensor;
  /** `[4H]`. */
  readonly biasHh: Tensor;
  /** `weightHh` transposed, in a texture, for adapters with tiles; see `Lstm.frozenLayers`. */
  readonly transposedHh?: Tensor;
}

/** State of all layers between calls, `[B, H]` each. */
export interface LstmState {
  /** Hidden state of each layer, `[B, H]`. */
  readonly h: readonly Tensor[];
  /** Cell state of each layer, `[B, H]`. */
  readonly c: readonly Tensor[];
}

/**
 * Multi-layer LSTM over a sequence (Hochreiter & Schmidhuber 1997, in PyTorch's form), `[B, T, I] -> [B, T, H]`.
 *
 * `i, f, o = sigmoid(..)`, `g = tanh(..)` of `x_t W_ih^T + b_ih + h_{t-1} W_hh^T + b_hh`,
 * `c_t = f c_{t-1} + i g`, `h_t = o tanh(c_t)`; each layer reads the one below. Backward runs through time.
 *
 * @param state first hidden and cell states; zeros where left out.
 * @returns the last layer's hidden states and every layer's last state.
 * @throws {RangeError} where a weight or state has another shape than the sizes ask for, and for integers.
 */
export function lstm(x: Tensor, layers: readonly LstmLayer[], state?: LstmState): { y: Tensor; state: LstmState } {
  const { device } = x;
  const [b, steps] = x.shape as [number, number];
  const h: Tensor[] = [], c: Tensor[] = [];
  let y = x;
  layers.forEach(({ weightIh, weightHh, biasIh, biasHh, transposedHh }, l) => {
    const size = weightHh.shape[1] ?? 1;
    const h0 = state?.h[l] ?? device.zeros([b, size]), c0 = state?.c[l] ?? device.zeros([b, size]);
    const attributes = transposedHh ? { transposed: transposedHh } : {};
    const out = lstmOp([y, weightIh, weightHh, biasIh, biasHh, h0, c0], attributes);
    y = out[0];
    h.push(reshape(steps === 1 ? y : slice(y, 1, steps - 1, steps), [b, size]));
    c.push(out[1]);
  });
  return { y, state: { h, c } };
}
