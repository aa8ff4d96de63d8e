import shader from "../../shaders/lstm.wgsl" with { type: "text" };
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { laneLayer } from "./lstm_lanes.ts";
import type { LstmInputs, LstmSizes } from "./lstm_sizes.ts";
import { stepLayer } from "./lstm_steps.ts";
import { hasTiles } from "./matmul_product.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { slice } from "./slice.ts";
import { reshape } from "./reshape.ts";

/** The op behind {@link lstm}: one layer over a sequence, outputs y and the last cell state. */
export const lstmOp = defineOp({
  name: "lstm",
  shader,
  shape(inputs: LstmInputs): LstmSizes {
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
  forward({ device }, inputs, _attributes: Record<never, never>, sizes) {
    const layer = hasTiles(device, [sizes.h, sizes.input]) ? laneLayer : stepLayer;
    const { y, last, backward } = layer(device, inputs, sizes);
    return { out: [y, last] as const, saved: { backward } };
  },
  backward(_run, { backward }, grads, wanted) {
    return backward(grads, wanted);
  },
});

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
  layers.forEach(({ weightIh, weightHh, biasIh, biasHh }, l) => {
    const size = weightHh.shape[1] ?? 1;
    const h0 = state?.h[l] ?? device.zeros([b, size]), c0 = state?.c[l] ?? device.zeros([b, size]);
    const out = lstmOp([y, weightIh, weightHh, biasIh, biasHh, h0, c0], {});
    y = out[0];
    h.push(reshape(steps === 1 ? y : slice(y, 1, steps - 1, steps), [b, size]));
    c.push(out[1]);
  });
  return { y, state: { h, c } };
}
