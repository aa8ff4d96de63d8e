import type { Shape } from "../tensor/shape.ts";

/** A convolution followed by batch norm and ReLU; torchvision's `BasicConv2d`. */
export interface ConvolutionSizes {
  readonly inputs: number;
  readonly outputs: number;
  /** Height and width of the window. */
  readonly window: readonly [number, number];
  /** Default 1. */
  readonly stride?: number;
  /** Zeros above and below, and left and right; default none. */
  readonly padding?: readonly [number, number];
}

/** A mixed block: branches side by side, joined along the channels. */
export type MixedBlock =
  /** Blocks at 35x35: 1x1, 5x5, two 3x3, pooled. */
  | { readonly kind: "A"; readonly inputs: number; readonly pooled: number }
  /** From 35x35 to 17x17. */
  | { readonly kind: "B"; readonly inputs: number }
  /** Blocks at 17x17: 1x1, 7x7 and two 7x7 as rows and columns, pooled. */
  | { readonly kind: "C"; readonly inputs: number; readonly narrow: number }
  /** From 17x17 to 8x8. */
  | { readonly kind: "D"; readonly inputs: number }
  /** Blocks at 8x8: 3x3 as a row and a column side by side; how the last branch pools is all that differs. */
  | { readonly kind: "E"; readonly inputs: number; readonly pool: "average" | "maximum" };

/** Width of the features, and the classes of the FID network: ImageNet's 1,000 and 8 that mean nothing. */
export const inceptionFeatures = 2048, inceptionClasses = 1008;

/** The mixed blocks in order, by their names in weight files. */
export const mixedBlocks: Readonly<Record<string, MixedBlock>> = {
  Mixed_5b: { kind: "A", inputs: 192, pooled: 32 },
  Mixed_5c: { kind: "A", inputs: 256, pooled: 64 },
  Mixed_5d: { kind: "A", inputs: 288, pooled: 64 },
  Mixed_6a: { kind: "B", inputs: 288 },
  Mixed_6b: { kind: "C", inputs: 768, narrow: 128 },
  Mixed_6c: { kind: "C", inputs: 768, narrow: 160 },
  Mixed_6d: { kind: "C", inputs: 768, narrow: 160 },
  Mixed_6e: { kind: "C", inputs: 768, narrow: 192 },
  Mixed_7a: { kind: "D", inputs: 768 },
  Mixed_7b: { kind: "E", inputs: 1280, pool: "average" },
  Mixed_7c: { kind: "E", inputs: 2048, pool: "maximum" },
};

const conv = (
  inputs: number,
  outputs: number,
  height: number,
  width = height,
  options: Pick<ConvolutionSizes, "stride" | "padding"> = {},
): ConvolutionSizes => ({ inputs, outputs, window: [height, width], ...options });

/** A convolution that keeps the picture's size. */
const same = (inputs: number, outputs: number, height: number, width = height): ConvolutionSizes =>
  conv(inputs, outputs, height, width, { padding: [(height - 1) / 2, (width - 1) / 2] });

/** The convolutions before the mixed blocks. */
const stemConvolutions: Readonly<Record<string, ConvolutionSizes>> = {
  Conv2d_1a_3x3: conv(3, 32, 3, 3, { stride: 2 }),
  Conv2d_2a_3x3: conv(32, 32, 3),
  Conv2d_2b_3x3: same(32, 64, 3),
  Conv2d_3b_1x1: conv(64, 80, 1),
  Conv2d_4a_3x3: conv(80, 192, 3),
};

/** The convolutions of a mixed block by their names in it. */
function blockConvolutions(block: MixedBlock): Record<string, ConvolutionSizes> {
  const { inputs } = block;
  switch (block.kind) {
    case "A":
      return {
        branch1x1: conv(inputs, 64, 1),
        branch5x5_1: conv(inputs, 48, 1),
        branch5x5_2: same(48, 64, 5),
        branch3x3dbl_1: conv(inputs, 64, 1),
        branch3x3dbl_2: same(64, 96, 3),
        branch3x3dbl_3: same(96, 96, 3),
        branch_pool: conv(inputs, block.pooled, 1),
      };
    case "B":
      return {
        branch3x3: conv(inputs, 384, 3, 3, { stride: 2 }),
        branch3x3dbl_1: conv(inputs, 64, 1),
        branch3x3dbl_2: same(64, 96, 3),
        branch3x3dbl_3: conv(96, 96, 3, 3, { stride: 2 }),
      };
    case "C":
      return {
        branch1x1: conv(inputs, 192, 1),
        branch7x7_1: conv(inputs, block.narrow, 1),
        branch7x7_2: same(block.narrow, block.narrow, 1, 7),
        branch7x7_3: same(block.narrow, 192, 7, 1),
        branch7x7dbl_1: conv(inputs, block.narrow, 1),
        branch7x7dbl_2: same(block.narrow, block.narrow, 7, 1),
        branch7x7dbl_3: same(block.narrow, block.narrow, 1, 7),
        branch7x7dbl_4: same(block.narrow, block.narrow, 7, 1),
        branch7x7dbl_5: same(block.narrow, 192, 1, 7),
        branch_pool: conv(inputs, 192, 1),
      };
    case "D":
      return {
        branch3x3_1: conv(inputs, 192, 1),
        branch3x3_2: conv(192, 320, 3, 3, { stride: 2 }),
        branch7x7x3_1: conv(inputs, 192, 1),
        branch7x7x3_2: same(192, 192, 1, 7),
        branch7x7x3_3: same(192, 192, 7, 1),
        branch7x7x3_4: conv(192, 192, 3, 3, { stride: 2 }),
      };
    case "E":
      return {
        branch1x1: conv(inputs, 320, 1),
        branch3x3_1: conv(inputs, 384, 1),
        branch3x3_2a: same(384, 384, 1, 3),
        branch3x3_2b: same(384, 384, 3, 1),
        branch3x3dbl_1: conv(inputs, 448, 1),
        branch3x3dbl_2: same(448, 384, 3),
        branch3x3dbl_3a: same(384, 384, 1, 3),
        branch3x3dbl_3b: same(384, 384, 3, 1),
        branch_pool: conv(inputs, 192, 1),
      };
  }
}

/** All convolutions by their names in weight files, such as `Mixed_5b.branch1x1`. */
export function inceptionConvolutions(): Map<string, ConvolutionSizes> {
  const all = new Map(Object.entries(stemConvolutions));
  for (const [name, block] of Object.entries(mixedBlocks)) {
    for (const [branch, sizes] of Object.entries(blockConvolutions(block))) all.set(`${name}.${branch}`, sizes);
  }
  return all;
}

/** Names and shapes of the tensors of `pt_inception-2015-12-05-6726825d.pth`, torchvision's names. */
export function inceptionShapes(): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const [name, { inputs, outputs, window }] of inceptionConvolutions()) {
    shapes.set(`${name}.conv.weight`, [outputs, inputs, ...window]);
    for (const part of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${name}.bn.${part}`, [outputs]);
  }
  shapes.set("fc.weight", [inceptionClasses, inceptionFeatures]);
  shapes.set("fc.bias", [inceptionClasses]);
  return shapes;
}
