import shader from "../../shaders/order_tokens.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp, runOn } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** The ids that stand for classes in the sequence. */
export interface OrderTokensOptions {
  /** Id of class 0; class c has the id `classBase + c`. */
  readonly classBase: number;
  /** Id that stands for no class, where a sample's class is negative. */
  readonly noClass: number;
}

/** The op behind {@link orderTokens}. */
export const orderTokensOp = defineOp({
  name: "order_tokens",
  shader,
  shape([tokens, order, classes]: readonly [Tensor, Tensor, Tensor], { classBase, noClass }: OrderTokensOptions) {
    requireRank("order_tokens", "tokens", tokens.shape, 2);
    const [batch, length] = tokens.shape as [number, number];
    requireShape("order_tokens", "order", order.shape, tokens.shape);
    requireShape("order_tokens", "classes", classes.shape, [batch]);
    for (const [what, tensor] of Object.entries({ tokens, order, classes })) {
      requireDType("order_tokens", what, tensor, "i32");
    }
    return { n: batch * length, length, class_base: classBase, no_class: noClass };
  },
  forward(run, [tokens, order, classes], _options, params) {
    const empty = () => run.empty(tokens.shape, "i32");
    const out = [empty(), empty(), empty()] as const;
    run.kernel("forward", {
      read: [tokens, order, classes],
      write: out,
      params,
      grid: foldGrid(Math.ceil(params.n / 64)),
      cost: { bytes: 20 * params.n },
    });
    return { out, saved: null };
  },
});

/** What {@link orderTokens} gives, each i32 `[B, N]`. */
export interface OrderedTokens {
  /** What position i reads last: the class at 0, then the token painted at position i - 1. */
  readonly content: Tensor;
  /** Where that token stands; -1 for the class. */
  readonly cells: Tensor;
  /** The token that position i paints, at cell `order[.., i]`. */
  readonly targets: Tensor;
}

/**
 * The training sequence of a generator that paints in any order: `content = [class, x_o1, .., x_o(N-1)]`,
 * `cells = [-1, o1, .., o(N-1)]`, `targets = [x_o1, .., x_oN]` (ARPG, arXiv 2503.10568, section 3). No gradient.
 *
 * @param tokens i32 `[B, N]` in raster order.
 * @param order i32 `[B, N]`: the cell that is painted i-th; a permutation in each row.
 * @param classes i32 `[B]`; a negative one stands for no class.
 * @throws {RangeError} for other shapes or types.
 */
export function orderTokens(
  tokens: Tensor,
  order: Tensor,
  classes: Tensor,
  options: OrderTokensOptions,
): OrderedTokens {
  const [content, cells, targets] = orderTokensOp([tokens, order, classes], options);
  return { content, cells, targets };
}

/**
 * The step from which each content of {@link orderTokens} is seen, where several cells are painted at a time: the class
 * from step 0 on, the token of position i from `steps[.., i] + 1` on. No gradient.
 *
 * @param steps i32 `[B, N]`: the step in which position i is painted, ascending in each row.
 */
export function contentSteps(steps: Tensor): Tensor {
  requireRank("order_tokens", "steps", steps.shape, 2);
  requireDType("order_tokens", "steps", steps, "i32");
  const run = runOn(steps.device, orderTokensOp.shader);
  const out = run.empty(steps.shape, "i32");
  const params = { n: steps.size, length: steps.shape[1]!, class_base: 0, no_class: 0 };
  run.kernel("seen_from", { read: [steps], write: [out], params, grid: foldGrid(Math.ceil(steps.size / 64)) });
  return out;
}
