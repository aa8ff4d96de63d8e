import { join } from "node:path";
import { cellSize, vqConfigSchema } from "../../models/vq_config.ts";
import { type VqTokenizer, vqTokenizerOf } from "../../models/vq_tokenizer.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

/** `vq.decode`: `codes` `[B, cells]` in raster order to the `image` `[B, C, H, W]`. */
export function runVqDecode(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const { data, shape } = inputOf(given, "codes");
  const codes = device.tensor(Int32Array.from(data), shape);
  // Codes do not say how wide the image is: only the expected one does, where it is not square.
  const [, , h, w] = given.outputs.get("image")?.shape ?? [];
  return run(device, given, "image", (model) => model.decode(codes, h === w ? undefined : h! / cellSize(model.config)));
}

/** `vq.encode`: the `image` `[B, C, H, W]` in [-1, 1] to `codes` `[B, cells]` in raster order. */
export function runVqEncode(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const { data, shape } = inputOf(given, "image");
  const image = device.tensor(Float32Array.from(data), shape);
  return run(device, given, "codes", (model) => model.encode(image));
}

async function run(
  device: Device,
  given: ReferenceCase,
  name: string,
  compute: (model: VqTokenizer) => Tensor,
): Promise<Map<string, HostTensor>> {
  const config = parseFields(join(given.folder, "case.json"), vqConfigSchema, given.config);
  const model = vqTokenizerOf(device, config, given.weights);
  const found = device.noGrad(() => compute(model));
  return new Map([[name, { shape: found.shape, data: await found.data() }]]);
}
