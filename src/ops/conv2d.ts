import shader from "../../shaders/conv2d.wgsl" with { type: "text" };
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Conv2dOptions, geometryOf } from "./conv2d_geometry.ts";
import { correlateTexels, gradientsByTexels, subgroupsFit } from "./conv2d_subgroup.ts";
import { imageInTexels } from "./conv2d_texels.ts";
import { blocksFit, correlateTiles, gradientsByTiles } from "./conv2d_tile.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

export type { Conv2dOptions, Padding } from "./conv2d_geometry.ts";

/**
 * Which kernels: `tile` (a lane's registers) and `block` (tiles in workgroup memory, for GPUs) run on any adapter,
 * `subgroup` needs subgroups of 8 lanes (software adapters).
 */
export type Conv2dVariant = "tile" | "block" | "subgroup";

/** Attributes of {@link conv2dOp}. */
export interface Conv2dAttributes extends Conv2dOptions {
  /** Default: the fastest that fits the adapter and the sizes. */
  readonly variant?: Conv2dVariant;
}

/** The op behind {@link conv2d}. */
export const conv2dOp = defineOp({
  name: "conv2d",
  shader,
  shape([x, weight, bias]: [Tensor, Tensor] | [Tensor, Tensor, Tensor], attributes: Conv2dAttributes) {
    for (const tensor of bias ? [x, weight, bias] : [x, weight]) requireDType("conv2d", "every input", tensor, "f32");
    requireRank("conv2d", "x", x.shape, 4);
    requireRank("conv2d", "weight", weight.shape, 4);
    if (bias) requireShape("conv2d", "bias", bias.shape, [weight.shape[0]!]);
    const geometry = geometryOf(x.shape, weight.shape, attributes);
    const variant = attributes.variant ??
      (subgroupsFit(x.device, geometry) ? "subgroup" : blocksFit(x.device, geometry) ? "block" : "tile");
    return { geometry, variant };
  },
  forward(run, [x, weight, bias], { relu = false }, { geometry, variant }) {
    const y = run.empty([geometry.batch, geometry.target_channels, geometry.target_h, geometry.target_w]);
    const texels = variant === "subgroup" ? imageInTexels(x, null, geometry) : null;
    if (texels) correlateTexels(texels, weight, bias, y, geometry, relu);
    else correlateTiles(run, x, weight, bias, y, geometry, relu, variant === "block");
    return { out: y, saved: { tensors: [x, weight, relu ? y : null] as const, texels, geometry, variant } };
  },
  backward(run, { tensors, texels, geometry, variant }, dy, wanted) {
    return texels
      ? gradientsByTexels(texels, tensors, dy, wanted, geometry)
      : gradientsByTiles(run, tensors, dy, wanted, geometry, variant === "block");
  },
});

/**
 * Two-dimensional convolution (cross-correlation, as PyTorch's `conv2d`): x `[B, C, H, W]`, weight `[O, C, KH, KW]`,
 * bias `[O]` or null, to `[B, O, YH, YW]` with `YH = floor((H + top + bottom - KH) / stride) + 1`, and YW alike.
 *
 * Forward `y[b,o,i,j] = bias[o] + sum_{c,k,l} x[b, c, i S + k - top, j S + l - left] w[o,c,k,l]`; backward by x is the
 * same sum with the roles of image and result exchanged, by weight and bias a sum over all windows in fixed order.
 *
 * @throws {RangeError} for shapes or types that do not fit, a window larger than the padded image, a stride below 1, a
 * negative padding, windows of more than 60,000 turns, `KH (KW (max(C, O) + 2) + 3)`, and rows of more than 60,000 pixels.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions = {}): Tensor {
  return conv2dOp(bias ? [x, weight, bias] : [x, weight], options);
}
