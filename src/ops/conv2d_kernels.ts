import subgroupShader from "../../shaders/conv2d_subgroup.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Run, runOn } from "./op.ts";
import { sumParts } from "./sum_parts.ts";

/** Sizes and steps of a convolution: `Params` of conv2d.wgsl, but for the parts of a long sum. */
export interface Geometry {
  readonly batch: number;
  readonly source_channels: number;
  readonly source_h: number;
  readonly source_w: number;
  readonly source_stride: number;
  readonly target_channels: number;
  readonly target_h: number;
  readonly target_w: number;
  readonly target_stride: number;
  readonly kernel_h: number;
  readonly kernel_w: number;
  readonly step: number;
  readonly tap: number;
  readonly divide: number;
  readonly origin_y: number;
  readonly origin_x: number;
}

const onePart = { parts: 1, rows_per_part: 0 };
const pixelsPerLane = 4;
/** Most target pixels that one lane sums over: what a lane may loop, with a wide margin. */
const pixelsPerPart = 8192;
/** Workgroups that keep every core of a software adapter busy. */
const wantedWorkgroups = 64;

/** The geometry from result to image: what a window spread from is what it gathers now. */
export function transposed(forward: Geometry): Geometry {
  return {
    ...forward,
    source_channels: forward.target_channels,
    source_h: forward.target_h,
    source_w: forward.target_w,
    source_stride: forward.target_stride,
    target_channels: forward.source_channels,
    target_h: forward.source_h,
    target_w: forward.source_w,
    target_stride: forward.source_stride,
    step: 1,
    tap: -1,
    divide: forward.step,
    origin_y: -forward.origin_y,
    origin_x: -forward.origin_x,
  };
}

/** Whether the subgroup kernels apply: their lanes stand along 32 channels, so a few channels would idle most. */
function subgroups(run: Run, { target_channels }: Geometry): boolean {
  return run.device.gpu.adapter.subgroupSize === 8 && target_channels > 8;
}

function subgroupRun(run: Run): Run {
  return runOn(run.device, { name: "conv2d_subgroup", text: subgroupShader });
}

/** Writes `target`: the convolution of `source`, or by the transposed geometry its gradient. */
export function correlate(
  run: Run,
  source: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  target: Tensor,
  geometry: Geometry,
  relu: boolean,
): void {
  const { target_channels } = geometry;
  const rows = geometry.kernel_h * geometry.kernel_w * geometry.source_channels;
  const params = { ...geometry, ...onePart };
  const packed = run.empty([rows + 1, Math.ceil(target_channels / 8) * 8]);
  run.kernel("pack", {
    read: [weight, bias ?? weight],
    write: [packed],
    params,
    overrides: { BIAS: bias ? 1 : 0 },
    grid: foldGrid(Math.ceil(packed.size / 64)),
  });
  const pixels = target.size / target_channels;
  const launch = {
    read: [source, packed],
    write: [target],
    params,
    overrides: { RELU: relu ? 1 : 0 },
    cost: { flops: 2 * rows * target.size, bytes: 4 * (source.size + weight.size + target.size) },
  };
  if (subgroups(run, geometry)) {
    const workgroups = Math.ceil(pixels / 16) * Math.ceil(target_channels / 32);
    subgroupRun(run).kernel("correlate", { ...launch, grid: foldGrid(workgroups) });
  } else {
    const workgroups = Math.ceil(pixels / (pixelsPerLane * 64)) * Math.ceil(target_channels / 8);
    run.kernel("correlate", { ...launch, grid: foldGrid(workgroups) });
  }
}

/** Gradient before the ReLU: dy where y is positive. */
export function reluMask(run: Run, y: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const dz = run.empty(y.shape);
  run.kernel("relu_mask", {
    read: [y, dy],
    write: [dz],
    params: { ...geometry, ...onePart },
    grid: foldGrid(Math.ceil(y.size / 64)),
    cost: { bytes: 12 * y.size },
  });
  return dz;
}

/** Gradient of the weight, `[O, C, KH, KW]`: a sum over all windows of all images, in parts of fixed order. */
export function weightGradient(run: Run, x: Tensor, dy: Tensor, shape: Shape, geometry: Geometry): Tensor {
  const { target_channels, source_channels, kernel_h, kernel_w } = geometry;
  const weights = source_channels * kernel_h * kernel_w;
  const cost = { flops: 2 * dy.size * weights, bytes: 4 * (x.size + dy.size) };
  if (!subgroups(run, geometry)) {
    const lanes = Math.ceil(target_channels / 8) * Math.ceil(source_channels / 4) * kernel_h * kernel_w;
    const split = splitRows(geometry, lanes / 64);
    const partial = run.empty([split.parts, sizeOf(shape)]);
    const grid = foldGrid(Math.ceil(lanes * split.parts / 64));
    run.kernel("weight_partial", { read: [x, dy], write: [partial], params: { ...geometry, ...split }, grid, cost });
    return sumParts(partial, shape);
  }
  const width = Math.ceil(target_channels / 8) * 8;
  const channelsLast = run.empty([dy.size / target_channels, width]);
  const grouped = subgroupRun(run);
  grouped.kernel("channels_last", {
    read: [dy],
    write: [channelsLast],
    params: { ...geometry, ...onePart },
    grid: foldGrid(Math.ceil(channelsLast.size / 64)),
    cost: { bytes: 8 * dy.size },
  });
  const workgroups = Math.ceil(target_channels / 32) * Math.ceil(weights / 16);
  const split = splitRows(geometry, workgroups);
  const partial = run.empty([split.parts, sizeOf(shape)]);
  grouped.kernel("weight_partial", {
    read: [x, channelsLast],
    write: [partial],
    params: { ...geometry, ...split },
    grid: foldGrid(workgroups * split.parts),
    cost,
  });
  return sumParts(partial, shape);
}

/** Gradient of the bias, `[O]`. */
export function biasGradient(run: Run, x: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const { target_channels } = geometry;
  const split = splitRows(geometry, target_channels / 64);
  const partial = run.empty([split.parts, target_channels]);
  run.kernel("bias_partial", {
    read: [x, dy],
    write: [partial],
    params: { ...geometry, ...split },
    grid: foldGrid(Math.ceil(target_channels * split.parts / 64)),
    cost: { flops: dy.size, bytes: 4 * dy.size },
  });
  return sumParts(partial, [target_channels]);
}

/** Parts of the rows `[B, YH]`: within a lane's loop budget, and enough of them to fill the device. */
function splitRows({ batch, target_h, target_w }: Geometry, workgroupsPerPart: number) {
  const rows = batch * target_h;
  const most = Math.max(1, Math.floor(pixelsPerPart / (target_w + 1)));
  const rows_per_part = Math.min(most, Math.max(4, Math.ceil(rows * workgroupsPerPart / wantedWorkgroups)));
  return { parts: Math.ceil(rows / rows_per_part), rows_per_part };
}
