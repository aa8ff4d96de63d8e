import { add, mul } from "../ops/elementwise_binary.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/permute.ts";
import { requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Height and width that Inception-v3 sees. */
export const inceptionSize = 299;

/**
 * Bilinear interpolation of a line as a matrix `[to, from]`: PyTorch's `interpolate(align_corners=False)` without
 * antialiasing. Pixel i of the result lies at `(i + 1/2) from / to - 1/2`, at least 0, between two pixels of the line.
 */
export function bilinearWeights(from: number, to: number): Float32Array {
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, (i + 0.5) * from / to - 0.5);
    const below = Math.min(Math.floor(at), from - 1), above = Math.min(below + 1, from - 1);
    weights[i * from + below]! += 1 - (at - below);
    weights[i * from + above]! += at - below;
  }
  return weights;
}

/**
 * Pictures `[B, 3, H, W]` in [0, 1] as Inception takes them: `[B, 3, size, size]` in [-1, 1]; rows, then columns, each a
 * product with {@link bilinearWeights}.
 *
 * @throws {RangeError} for another shape.
 */
export function resizeForInception(pictures: Tensor, size: number): Tensor {
  const [batch = 0, , height = 0, width = 0] = pictures.shape;
  requireShape("inception", "pictures", pictures.shape, [batch, 3, height, width]);
  return pictures.device.noGrad(() => {
    const wide = width === size ? pictures : resizeRows(pictures, size);
    const y = height === size ? wide : transposed(resizeRows(transposed(wide), size));
    return add(mul(y, 2), -1);
  });
}

/** `[B, 3, H, W] -> [B, 3, H, size]`. */
function resizeRows(x: Tensor, size: number): Tensor {
  const width = x.shape.at(-1)!;
  return matmul(x, x.device.tensor(bilinearWeights(width, size), [size, width]), { layout: "nt" });
}

/** Rows as columns, `[B, 3, H, W] -> [B, 3, W, H]`. */
function transposed(x: Tensor): Tensor {
  return permute(x, [0, 1, 3, 2]);
}
