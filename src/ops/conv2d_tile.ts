import { foldGrid } from "../tensor/device.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Geometry, onePart, splitRows, transposed } from "./conv2d_geometry.ts";
import type { Run } from "./op.ts";
import { sumParts } from "./sum_parts.ts";

/** Target pixels of a workgroup of `correlate`. */
const pixelsPerWorkgroup = 4 * 64;

/** Writes `target`, the convolution of `source` or, by the transposed geometry, its gradient, on any adapter. */
export function correlateTiles(
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
  run.kernel("correlate", {
    read: [source, packed],
    write: [target],
    params,
    overrides: { RELU: relu ? 1 : 0 },
    grid: foldGrid(Math.ceil(target.size / target_channels / pixelsPerWorkgroup) * tiles),
    cost: { flops: 2 * rows * target.size, bytes: 4 * (source.size + weight.size + target.size) },
  });
}

/** Gradients of x, weight and bias on any adapter; `y` is given where a ReLU was applied. */
export function gradientsByTiles(
  run: Run,
  [x, weight, y]: readonly [Tensor, Tensor, Tensor | null],
  dy: Tensor,
  [wantX, wantWeight, wantBias]: readonly boolean[],
  geometry: Geometry,
): (Tensor | null)[] {
  const dz = y ? maskByRelu(run, y, dy, geometry) : dy;
  let dx: Tensor | null = null;
  if (wantX) correlateTiles(run, dz, weight, undefined, dx = run.empty(x.shape), transposed(geometry), false);
  const { target_channels, source_channels, kernel_h, kernel_w } = geometry;
  const sum = (entry: string, lanes: number, shape: Shape, flops: number) => {
    const split = splitRows(geometry, lanes / 64);
    const partial = run.empty([split.parts, ...shape]);
    run.kernel(entry, {
      read: [x, dz],
      write: [partial],
      params: { ...geometry, ...split },
      grid: foldGrid(Math.ceil(lanes * split.parts / 64)),
      cost: { flops, bytes: 4 * (x.size + dz.size) },
    });
    return sumParts(partial, shape);
  };
  const lanes = Math.ceil(target_channels / 8) * Math.ceil(source_channels / 4) * kernel_h * kernel_w;
  return [
    dx,
    wantWeight ? sum("weight_partial", lanes, weight.shape, 2 * dz.size * weight.size / target_channels) : null,
    wantBias ? sum("bias_partial", target_channels, [target_channels], dz.size) : null,
  ];
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
