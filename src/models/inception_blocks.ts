import { avgPool2d } from "../ops/avg_pool2d.ts";
import { concat } from "../ops/concat.ts";
import { maxPool2d } from "../ops/max_pool2d.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { MixedBlock } from "./inception_layout.ts";

/** Applies a block's convolution of that name, with batch norm and ReLU. */
export type Convolve = (branch: string, x: Tensor) => Tensor;

const around = { kernel: 3, stride: 1, padding: 1 };
const halving = { kernel: 3, stride: 2 };

/**
 * A mixed block of Inception-v3, `[B, C, H, W] -> [B, C', H', W']`, after torchvision's `inception.py` with the two
 * changes that pytorch-fid makes to follow the network of the original FID: average pools do not count the padding, and
 * the last block takes maxima where all others take averages.
 */
export function mixedBlock(block: MixedBlock, x: Tensor, convolve: Convolve): Tensor {
  /** The branch's convolutions `<name>_<number>`, one after the other. */
  const chain = (name: string, last: number, from = x) => {
    let y = from;
    for (let number = 1; number <= last; number++) y = convolve(`${name}_${number}`, y);
    return y;
  };
  /** A row and a column side by side. */
  const cross = (name: string, y: Tensor) => [convolve(`${name}a`, y), convolve(`${name}b`, y)];
  const averaged = () => convolve("branch_pool", avgPool2d(x, around));
  const join = (...branches: Tensor[]) => concat(branches, 1);
  switch (block.kind) {
    case "A":
      return join(convolve("branch1x1", x), chain("branch5x5", 2), chain("branch3x3dbl", 3), averaged());
    case "B":
      return join(convolve("branch3x3", x), chain("branch3x3dbl", 3), maxPool2d(x, halving));
    case "C":
      return join(convolve("branch1x1", x), chain("branch7x7", 3), chain("branch7x7dbl", 5), averaged());
    case "D":
      return join(chain("branch3x3", 2), chain("branch7x7x3", 4), maxPool2d(x, halving));
    case "E": {
      const rows = cross("branch3x3_2", convolve("branch3x3_1", x));
      const twice = cross("branch3x3dbl_3", chain("branch3x3dbl", 2));
      const pooled = block.pool === "average" ? averaged() : convolve("branch_pool", maxPool2d(x, around));
      return join(convolve("branch1x1", x), ...rows, ...twice, pooled);
    }
  }
}
