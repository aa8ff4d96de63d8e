import type { Shape } from "../tensor/shape.ts";

/** Values in [-1, 1] of pictures `[B, C, H, W]` as bytes `[B, H, W, C]`. */
export function pictureBytes(values: Float32Array, shape: Shape): Uint8Array {
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const area = height * width;
  const bytes = new Uint8ClampedArray(values.length);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      const from = (b * channels + c) * area;
      for (let i = 0; i < area; i++) bytes[(b * area + i) * channels + c] = (values[from + i]! + 1) * 127.5;
    }
  }
  return new Uint8Array(bytes.buffer);
}
