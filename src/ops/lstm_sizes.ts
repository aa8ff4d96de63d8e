import type { Tensor } from "../tensor/tensor.ts";

/** x, w_ih, w_hh, b_ih, b_hh, h0, c0. */
export type LstmInputs = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];

/** Sizes of a layer and its sequence. */
export interface LstmSizes {
  readonly b: number;
  readonly steps: number;
  readonly input: number;
  readonly h: number;
}

/** A layer after its forward. */
export interface LstmRun {
  /** `[B, T, H]`. */
  readonly y: Tensor;
  /** The cell state after the last step, `[B, H]`. */
  readonly last: Tensor;
  /** Gradients of the seven inputs from those of `y` and `last`, of which null is zero. */
  backward(grads: readonly (Tensor | null)[], wanted: readonly boolean[]): (Tensor | null)[];
}
