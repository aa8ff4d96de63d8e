import shader from "../../shaders/grpo_loss.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp, runOn } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** Log-probabilities of the tokens of N sequences under three policies, and what the tokens are worth. */
export interface GrpoTokens {
  /** `[N, T]`, the policy in training: the one input with a gradient. */
  readonly logpNew: Tensor;
  /** `[N, T]`, the policy that drew the tokens. */
  readonly logpOld: Tensor;
  /** `[N, T]`, the policy to stay close to. */
  readonly logpRef: Tensor;
  /** `[N]`, of each sequence. */
  readonly advantage: Tensor;
  /** `[N, T]`, the mask divided by its normaliser (see `tokenWeights`), so that the loss is the sum of all tokens. */
  readonly weight: Tensor;
}

/** How far the probability ratio may move: within `[1 - clipLow, 1 + clipHigh]`. */
export interface ClipRange {
  /** The ratio is clipped below at `1 - clipLow`. */
  readonly clipLow: number;
  /** The ratio is clipped above at `1 + clipHigh`. */
  readonly clipHigh: number;
}

/** Settings of {@link grpoLoss}. */
export interface GrpoOptions extends ClipRange {
  /** Largest ratio that counts where the advantage is negative (dual clip, arXiv 1912.09729); default none. */
  readonly delta?: number;
  /** Weight of the divergence from the reference. */
  readonly beta: number;
  /** Estimator of the divergence (Schulman 2020): `k2 = e^2 / 2` or `k3 = exp(e) - 1 - e` of `e = ref - new`. */
  readonly klEstimator: "k2" | "k3" | "none";
}

type GrpoInputs = [Tensor, Tensor, Tensor, Tensor, Tensor];

const estimators = { none: 0, k2: 2, k3: 3 };
/** Stands for infinity, which WGSL has no number for. */
const unlimited = 1e38;

function requireTokens(op: string, inputs: GrpoInputs): { n: number; cols: number } {
  const [logpNew, logpOld, logpRef, advantage, weight] = inputs;
  const names = ["logp_new", "logp_old", "logp_ref", "advantage", "weight"];
  inputs.forEach((tensor, i) => requireDType(op, names[i]!, tensor, "f32"));
  requireRank(op, "logp_new", logpNew.shape, 2);
  const [rows, cols] = logpNew.shape as [number, number];
  requireShape(op, "logp_old", logpOld.shape, logpNew.shape);
  requireShape(op, "logp_ref", logpRef.shape, logpNew.shape);
  requireShape(op, "advantage", advantage.shape, [rows]);
  requireShape(op, "weight", weight.shape, logpNew.shape);
  return { n: logpNew.size, cols };
}

/** The op behind {@link grpoLoss}: inputs in the order of {@link GrpoTokens}. */
export const grpoLossOp = defineOp({
  name: "grpo_loss",
  shader,
  shape(inputs: GrpoInputs, { clipLow, clipHigh, delta = unlimited, beta, klEstimator }: GrpoOptions) {
    const { n, cols } = requireTokens("grpo_loss", inputs);
    const params = {
      n,
      cols,
      clip_low: clipLow,
      clip_high: clipHigh,
      delta: Math.min(delta, unlimited),
      beta,
      lanes: 1,
    };
    return { params, overrides: { KL: estimators[klEstimator] }, grid: foldGrid(Math.ceil(n / 32)) };
  },
  forward(run, inputs, _options, launch) {
    const [{ shape, size }] = inputs;
    const loss = run.empty(shape), slope = run.empty(shape);
    run.kernel("forward", {
      read: inputs,
      write: [loss, slope],
      ...launch,
      cost: { flops: 40 * size, bytes: 28 * size },
    });
    return { out: loss, saved: { slope, launch } };
  },
  backward(run, { slope, launch }, dloss, [wanted]) {
    if (!wanted) return [null, null, null, null, null];
    const dx = run.empty(slope.shape);
    run.kernel("backward_x", { read: [slope, dloss], write: [dx], ...launch, cost: { bytes: 12 * dx.size } });
    return [dx, null, null, null, null];
  },
});

/**
 * Loss of group-relative policy optimisation (GRPO, arXiv 2402.03300, eq. 3) token by token, `[N, T]`; the loss is its
 * sum. Every token has a ratio of its own, clipped to a range with separate ends (arXiv 2503.14476).
 *
 * `loss = weight (-min(rho A, clip(rho) A) + beta kl)` with `rho = exp(new - old)`. Its derivative by `new` is
 * `weight (-rho A + beta dkl)`, where the first term is 0 if the clip or `delta` decides, `dkl = -e` for k2 and
 * `1 - exp(e)` for k3. A token of weight 0 gives 0 whatever its log-probabilities.
 *
 * @throws {RangeError} for tensors of other shapes, or integers.
 */
export function grpoLoss(tokens: GrpoTokens, options: GrpoOptions): Tensor {
  return grpoLossOp(inputsOf(tokens), options);
}

/**
 * What to watch while {@link grpoLoss} is minimised, `[4]`: mean k3 to the reference; share of tokens that the clip keeps
 * without gradient; largest ratio; largest |log ratio|. Over the tokens whose weight is not 0; summed in a fixed order.
 * NaN anywhere shows in the mean or the maxima. No gradient.
 *
 * @throws {RangeError} as {@link grpoLoss}.
 */
export function grpoStatistics(tokens: GrpoTokens, { clipLow, clipHigh }: ClipRange): Tensor {
  const inputs = inputsOf(tokens);
  const { n, cols } = requireTokens("grpo_statistics", inputs);
  const run = runOn(tokens.logpNew.device, { name: "grpo_loss", text: shader });
  const lanes = Math.ceil(Math.sqrt(n));
  const params = { n, cols, clip_low: clipLow, clip_high: clipHigh, delta: unlimited, beta: 0, lanes };
  const sums = run.empty([lanes, 4]), peaks = run.empty([lanes, 2], "u32"), out = run.empty([4]);
  const grid = foldGrid(Math.ceil(lanes / 32));
  run.kernel("statistics", { read: inputs, write: [sums, peaks], params, grid, cost: { bytes: 20 * n } });
  run.kernel("join_statistics", { read: [sums, peaks], write: [out], params, grid: [1] });
  return out;
}

function inputsOf({ logpNew, logpOld, logpRef, advantage, weight }: GrpoTokens): GrpoInputs {
  return [logpNew, logpOld, logpRef, advantage, weight];
}
