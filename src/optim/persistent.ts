import type { Device } from "../tensor/device.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Zeros that outlive every scope and want no gradient: the state of an optimiser. */
export function persistentZeros(device: Device, shape: Shape): Tensor {
  const tensor = device.parameter(new Float32Array(sizeOf(shape)), shape);
  tensor.requiresGrad = false;
  return tensor;
}
