import type { Arpg } from "./arpg.ts";
import type { Guidance, Sampling } from "./decode_step.ts";
import { guide } from "./guidance.ts";
import { LlamaGen } from "./llamagen.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { paintingOrder } from "../ops/painting_order.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A generator of tokens whose paintings have a likelihood. */
export type PaintingModel = Arpg | LlamaGen;

/** Canvases as a decoder leaves them. */
export interface PaintedTokens {
  /** i32 `[B, N]` in raster order. */
  readonly tokens: Tensor;
  /** i32 `[B, N]`: the step in which a cell was painted, -1 where it was known. LlamaGen paints cell t in step t. */
  readonly painted: Tensor;
  /** i32 `[B]`; a negative one stands for no class. */
  readonly classes: Tensor;
}

/** {@link PaintedTokens} as the generator is asked for them. */
export interface OrderedPaintings extends Omit<PaintedTokens, "painted"> {
  /** i32 `[B, N]`, see `paintingOrder`. */
  readonly order: Tensor;
  /** i32 `[B, N]`. */
  readonly steps: Tensor;
  /** `[B, N]`: share of the canvas that is painted after a cell's step. */
  readonly share: Tensor;
  /** `[B, N]`: 1 for a drawn token, 0 for a known one. */
  readonly drawn: Tensor;
}

/** Sorts the cells by the step that painted them, on the device. */
export function orderPaintings({ tokens, painted, classes }: PaintedTokens): OrderedPaintings {
  return { tokens, classes, ...paintingOrder(painted) };
}

/** Some of the paintings, copied. */
export function somePaintings(paintings: OrderedPaintings, from: number, to: number): OrderedPaintings {
  const some = Object.entries(paintings).map(([name, tensor]) => [name, slice(tensor as Tensor, 0, from, to)]);
  return Object.fromEntries(some) as OrderedPaintings;
}

/** From what tokens are drawn: the model's logits, guided and divided by the temperature. */
export type DrawnFrom = Pick<Sampling, "temperature"> & { readonly guidance: Guidance };

/**
 * Logits of the distributions that the tokens of paintings were drawn from, `[B, N, V]` in the order of painting, and the
 * tokens as `targets`: the guided ones of the step that painted each cell, over the temperature. Of an ARPG it is a
 * forward with a mask of blocks, of a LlamaGen a causal one; where guidance asks for it, a second one without class.
 */
export function drawnLogits(
  model: PaintingModel,
  { tokens, classes, order, steps, share }: OrderedPaintings,
  { guidance: { scale, form }, temperature }: DrawnFrom,
): { readonly logits: Tensor; readonly targets: Tensor } {
  const forward = (ids: Tensor) =>
    model instanceof LlamaGen
      ? { logits: model.forward(tokens, ids), targets: tokens }
      : model.forward(tokens, ids, order, { steps });
  const { logits, targets } = forward(classes);
  let guided = logits;
  if (scale !== 1) {
    const unconditional = forward(tokens.device.full(classes.shape, -1, "i32")).logits;
    const linear = () => reshape(add(mul(share, scale - 1), 1), [...share.shape, 1]);
    guided = guide(logits, unconditional, form === "linear" ? linear() : scale);
  }
  return { logits: temperature === 1 ? guided : mul(guided, 1 / temperature), targets };
}
