import blockShader from "../../shaders/conv2d_block.wgsl" with { type: "text" };
import shader from "../../shaders/conv2d.wgsl" with { type: "text" };
import type { ShaderSource } from "../gpu/kernel.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Geometry, onePart, type Parts, splitRows, transposed } from "./conv2d_geometry.ts";
import type { Run } from "./op.ts";
import { sumParts } from "./sum_parts.ts";

const tileSource = { name: "conv2d", text: shader };
const blockSource = { name: "conv2d_block", text: blockShader };
/** Target pixels of a workgroup of `correlate`. */
const pixelsPerWorkgroup = 4 * 64;
/** Channels and pixels of a tile in workgroup memory. */
const side = 64;
/** Channels of both images from which those tiles are full enough. */
const leastChannels = 16;

/** Whether the tiles in workgroup memory suit: where the table says so, for images of some channels. */
export function blocksFit({ gpu }: Device, { source_channels, target_channels }: Geometry): boolean {
  return gpu.table.conv2d === "block" && Math.min(source_channels, target_channels) >= leastChannels;
}

/**
 * Writes `target`, the convolution of `source` or, by the transposed geometry, its gradient, on any adapter.
 *
 * @param block with tiles in workgroup memory.
 */
export function correlateTiles(
  run: Run,
  source: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  target: Tensor,
  geometry: Geometry,
  relu: boolean,
  block: boolean,
): void {
  const { target_channels } = geometry;
  const rows = geometry.kernel_h * geometry.kernel_w * geometry.source_channels;
  const tiles = Math.ceil(target_channels / 8);
  const params = { ...geometry, ...onePart };
  const packed = run.empty([rows + 1, tiles * 8]);
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
    cost: { flops: 2 * rows * target.size, bytes: 4 * (source.size + weight.size + target.size) },
  };
  const RELU = relu ? 1 : 0;
  if (block) {
    const grid = foldGrid(Math.ceil(pixels / side) * Math.ceil(target_channels / side));
    run.device.launch(blockSource, "correlate", { ...launch, overrides: { RELU, DIVIDE: geometry.divide }, grid });
  } else {
    const grid = foldGrid(Math.ceil(pixels / pixelsPerWorkgroup) * tiles);
    run.kernel("correlate", { ...launch, overrides: { RELU }, grid });
  }
}

/** Gradients of x, weight and bias on any adapter; `y` is given where a ReLU was applied. */
export function gradientsByTiles(
  run: Run,
  [x, weight, y]: readonly [Tensor, Tensor, Tensor | null],
  dy: Tensor,
  [wantX, wantWeight, wantBias]: readonly boolean[],
  geometry: Geometry,
  block: boolean,
): (Tensor | null)[] {
  const dz = y ? maskByRelu(run, y, dy, geometry) : dy;
  let dx: Tensor | null = null;
  if (wantX) correlateTiles(run, dz, weight, undefined, dx = run.empty(x.shape), transposed(geometry), false, block);
  const { target_channels, source_channels, kernel_h, kernel_w } = geometry;
  const taps = kernel_h * kernel_w;
  /** `work`: workgroups of a part, fractions included. */
  const sum = (source: ShaderSource, entry: string, work: number, split: Parts, shape: Shape, flops: number) => {
    const partial = run.empty([split.parts, ...shape]);
    run.device.launch(source, entry, {
      read: [x, dz],
      write: [partial],
      params: { ...geometry, ...split },
      grid: foldGrid(Math.ceil(work * split.parts)),
      cost: { flops, bytes: 4 * (x.size + dz.size) },
    });
    return sumParts(partial, shape);
  };
  let dweight: Tensor | null = null, dbias: Tensor | null = null;
  if (wantWeight) {
    const flops = 2 * dz.size * weight.size / target_channels;
    const tiles = Math.ceil(target_channels / side) * Math.ceil(source_channels / side) * taps;
    const lanes = Math.ceil(target_channels / 8) * Math.ceil(source_channels / 4) * taps;
    // GPUs have room for four times as many workgroups as the parts are planned for.
    dweight = block
      ? sum(blockSource, "weight_partial", tiles, splitRows(geometry, tiles / 4), weight.shape, flops)
      : sum(tileSource, "weight_partial", lanes / 64, splitRows(geometry, lanes / 64), weight.shape, flops);
  }
  if (wantBias) {
    const split = splitRows(geometry, target_channels / 64);
    dbias = sum(tileSource, "bias_partial", target_channels / 64, split, [target_channels], dz.size);
  }
  return [dx, dweight, dbias];
}

function maskByRelu(run: Run, y: Tensor, dy: Tensor, geometry: Geometry): Tensor {
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
