import shader from "../../shaders/conv2d_subgroup.wgsl" with { type: "text" };
import { texelsPerRow } from "../gpu/pool.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Geometry, onePart, splitRows, transposed } from "./conv2d_geometry.ts";
import { imageInTexels, weightInTexels } from "./conv2d_texels.ts";
import { sumParts } from "./sum_parts.ts";

const source = { name: "conv2d_subgroup", text: shader };
/** Target pixels of a workgroup of `correlate`. */
const TM = 16;

/** Channels in a texel of the source image that are not padding. */
const channelsOf = ({ source_channels }: Geometry) => Math.min(4, source_channels);

/** Whether the subgroup kernels run here: where the table says so, for images that fit textures. */
export function subgroupsFit(device: Device, geometry: Geometry): boolean {
  const { adapter, table } = device.gpu;
  const { batch, source_channels, source_h, source_w, target_channels, target_h, target_w, kernel_h, kernel_w } =
    geometry;
  const sourceTexels = batch * source_h * source_w * Math.ceil(source_channels / 4);
  const targetTexels = batch * target_h * target_w * Math.ceil(target_channels / 4);
  const weightTexels = (kernel_h * kernel_w + 1) * (source_channels + 3) * (target_channels + 3) / 4;
  const most = texelsPerRow * adapter.device.limits.maxTextureDimension2D;
  return table.conv2d === "lane" && Math.max(sourceTexels, targetTexels, weightTexels) <= most;
}

/** Writes `target`, the convolution of the image in `texels` or, by the transposed geometry, its gradient. */
export function correlateTexels(
  texels: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  target: Tensor,
  geometry: Geometry,
  relu: boolean,
): void {
  const { device } = texels;
  const { target_channels, source_channels, kernel_h, kernel_w } = geometry;
  const width = Math.ceil(target_channels / 4);
  const weightTexels = weightInTexels(weight, bias, geometry);
  const TN = width > 8 ? 2 : 1;
  device.launch(source, "correlate", {
    read: [texels, weightTexels],
    write: [target],
    params: { ...geometry, ...onePart },
    overrides: { RELU: relu ? 1 : 0, TM, TN, CHANNELS: channelsOf(geometry) },
    grid: foldGrid(Math.ceil(target.size / target_channels / TM) * Math.ceil(width / (8 * TN))),
    cost: {
      flops: 2 * kernel_h * kernel_w * source_channels * target.size,
      bytes: 4 * (texels.size + weightTexels.size + target.size),
    },
  });
  weightTexels.dispose();
}

/** Gradients of x, weight and bias from the image's texels; `y` is given where a ReLU was applied. */
export function gradientsByTexels(
  texels: Tensor,
  [x, weight, y]: readonly [Tensor, Tensor, Tensor | null],
  dy: Tensor,
  [wantX, wantWeight, wantBias]: readonly boolean[],
  geometry: Geometry,
): (Tensor | null)[] {
  const back = transposed(geometry);
  const dz = imageInTexels(dy, y, back);
  let dx: Tensor | null = null, dweight: Tensor | null = null, dbias: Tensor | null = null;
  if (wantX) correlateTexels(dz, weight, undefined, dx = x.device.empty(x.shape, "f32", "conv2d"), back, false);
  const { target_channels, source_channels, kernel_h, kernel_w } = geometry;
  if (wantWeight) {
    const rows = kernel_h * kernel_w * Math.ceil(source_channels / 4);
    const workgroups = Math.ceil(target_channels / 32) * Math.ceil(rows / 8);
    dweight = sumOverRows("weight_partial", [texels, dz], weight.shape, workgroups, geometry);
  }
  if (wantBias) {
    dbias = sumOverRows("bias_partial", [dz], [target_channels], Math.ceil(target_channels / 4) / 8, geometry);
  }
  dz.dispose();
  return [dx, dweight, dbias];
}

function sumOverRows(
  entry: string,
  read: Tensor[],
  shape: Shape,
  workgroupsPerPart: number,
  geometry: Geometry,
): Tensor {
  const { device } = read[0]!;
  const split = splitRows(geometry, workgroupsPerPart);
  const partial = device.empty([split.parts, ...shape], "f32", "conv2d");
  const pixels = geometry.batch * geometry.target_h * geometry.target_w;
  device.launch(source, entry, {
    read,
    write: [partial],
    params: { ...geometry, ...split },
    overrides: { CHANNELS: channelsOf(geometry) },
    grid: foldGrid(Math.ceil(workgroupsPerPart * split.parts)),
    cost: { flops: 2 * pixels * partial.size / split.parts, bytes: 4 * read.reduce((sum, { size }) => sum + size, 0) },
  });
  return sumParts(partial, shape);
}
