import shaderText from "../../shaders/random.wgsl" with { type: "text" };
import type { ShaderSource } from "../gpu/kernel.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import { keyParams, type RandomKey } from "../tensor/philox.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const shader: ShaderSource = { name: "random", text: shaderText };

/**
 * Uniform numbers in the open interval (0, 1): 2^23 equally spaced values, the same bits on every adapter. Element i is
 * `unitFloat` of word `i % 4` of `philox([i / 4, 0, step, purpose], [seed, stream])`.
 */
export function randomUniform(device: Device, shape: Shape, key: RandomKey): Tensor {
  return draw(device, shape, key, "uniform_numbers");
}

/** Standard normal numbers by the Box-Muller method, within about 5.8 of zero; equal on adapters up to rounding. */
export function randomNormal(device: Device, shape: Shape, key: RandomKey): Tensor {
  return draw(device, shape, key, "normal_numbers");
}

function draw(device: Device, shape: Shape, key: RandomKey, entry: string): Tensor {
  const y = device.empty(shape, "f32", "random numbers");
  device.launch(shader, entry, {
    read: [],
    write: [y],
    params: { n: y.size, ...keyParams(key) },
    grid: foldGrid(Math.ceil(y.size / 256)),
  });
  return y;
}
