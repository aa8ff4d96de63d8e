import shader from "../../shaders/group_norm.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";
import { sumParts } from "./sum_parts.ts";

/** Most pixels that one lane sums over: short, so that rounding errors of equal sign do not pile up. */
const mostSegment = 1024;
/** Most iterations of the lane that joins the segments of a group: it would be stopped silently after 65,535. */
const mostSums = 65000;

/** The op behind {@link groupNorm}. */
export const groupNormOp = defineOp({
  name: "group_norm",
  shader,
  shape([x, gain, bias]: [Tensor, Tensor, Tensor], { groups, eps }: { groups: number; eps: number }) {
    for (const tensor of [x, gain, bias]) requireDType("group_norm", "every input", tensor, "f32");
    requireRank("group_norm", "x", x.shape, 4);
    const [batch, channels, h, w] = x.shape as [number, number, number, number];
    requireShape("group_norm", "gain", gain.shape, [channels]);
    requireShape("group_norm", "bias", bias.shape, [channels]);
    if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw new RangeError(
        `Cannot normalize ${showShape(x.shape)} in groups: wanted a number of groups that divides the ${channels} ` +
          `channels, got ${groups}`,
      );
    }
    const pixels = h * w, segment = Math.min(pixels, mostSegment), segments = Math.ceil(pixels / segment);
    const sums = segments * (channels / groups + 3);
    if (sums > mostSums) {
      throw new RangeError(
        `Cannot normalize ${showShape(x.shape)} in ${groups} groups: a group may take at most ${mostSums} sums, ` +
          `(channels + 3) x segments of ${mostSegment} pixels, got ${sums}; use more groups`,
      );
    }
    return {
      params: { batch, channels, pixels, groups, segments, segment, eps },
      perSegment: foldGrid(Math.ceil(batch * segments * channels / 32)),
      perGroup: foldGrid(Math.ceil(batch * groups / 32)),
    };
  },
  forward(run, [x, gain, bias], _attributes, plan) {
    const { params, perSegment, perGroup } = plan;
    const { batch, channels, groups, segments } = params;
    const moments = run.empty([batch, segments, channels, 2]);
    const stats = run.empty([batch, groups, 2]), y = run.empty(x.shape);
    const moved = { flops: 4 * x.size, bytes: 8 * x.size };
    run.kernel("segment_moments", { read: [x], write: [moments], params, grid: perSegment, cost: moved });
    run.kernel("group_stats", { read: [moments], write: [stats], params, grid: perGroup });
    run.kernel("normalize", { read: [x, stats, gain, bias], write: [y], params, grid: perSegment, cost: moved });
    return { out: y, saved: { x, gain, stats, plan } };
  },
  backward(run, { x, gain, stats, plan }, dy, [wantX, wantGain, wantBias]) {
    const { params, perSegment, perGroup } = plan;
    const { batch, channels, groups, segments } = params;
    const biasSums = run.empty([batch * segments, channels]), gainSums = run.empty([batch * segments, channels]);
    run.kernel("segment_sums", {
      read: [x, stats, dy],
      write: [biasSums, gainSums],
      params,
      grid: perSegment,
      cost: { flops: 5 * x.size, bytes: 8 * x.size },
    });
    let dx: Tensor | null = null;
    if (wantX) {
      const means = run.empty([batch, groups, 2]);
      run.kernel("group_means", { read: [biasSums, gainSums, gain], write: [means], params, grid: perGroup });
      dx = run.empty(x.shape);
      run.kernel("backward_x", {
        read: [x, stats, dy, gain, means],
        write: [dx],
        params,
        grid: perSegment,
        cost: { flops: 7 * x.size, bytes: 12 * x.size },
      });
    }
    return [dx, wantGain ? sumParts(gainSums, [channels]) : null, wantBias ? sumParts(biasSums, [channels]) : null];
  },
});

/**
 * Group normalization: x `[B, C, H, W]`, gain and bias `[C]`, to `[B, C, H, W]`; mean and (biased) variance are taken
 * over the pixels of `C / groups` neighbouring channels of one image.
 *
 * Forward `y = n gain + bias` with `n = (x - mean) / sqrt(var + eps)`. Backward, with `g = dy gain`:
 * `dx = (g - mean(g) - n mean(g n)) / sqrt(var + eps)`, `dgain = sum dy n`, `dbias = sum dy` over images and pixels in
 * fixed order (Wu and He 2018).
 *
 * @param eps added to the variance, in squared units of x.
 * @throws {RangeError} for shapes or types that do not fit, groups that do not divide the channels, and groups of more
 * than 65,000 segments of channels.
 */
export function groupNorm(x: Tensor, gain: Tensor, bias: Tensor, groups: number, eps = 1e-5): Tensor {
  return groupNormOp([x, gain, bias], { groups, eps });
}
