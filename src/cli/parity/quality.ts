import { classicQuality } from "../../rewards/quality_reward.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { inputOf, type ReferenceCase } from "./reference_case.ts";

/**
 * `reward.quality`: the classic `sharpness`, `contrast`, `saturation` and `quality`, each `[B]`, of `images`
 * `[B, C, H, W]`. Grey images have a saturation of 1.
 */
export async function runQuality(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const { data, shape } = inputOf(given, "images");
  const found = Object.entries(classicQuality(device.tensor(Float32Array.from(data), shape)));
  const values = await device.read(found.map(([, tensor]) => tensor));
  return new Map(found.map(([name, tensor], i) => [name, { shape: tensor.shape, data: values[i]! }]));
}
