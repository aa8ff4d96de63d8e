import { join } from "node:path";
import { parseClipConfig } from "../../models/clip_config.ts";
import { clipFrom } from "../../models/clip.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { inputOf, type ReferenceCase } from "./reference_case.ts";
import { idsOf } from "./token_models.ts";

/**
 * `clip.embed`: `image_embeds` of `pixel_values` `[B, 3, S, S]` and `text_embeds` of `input_ids` `[N, L]`, both projected
 * and not normalised, and the scaled cosines `logits_per_image` `[B, N]`.
 */
export async function runClip(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const { weights, config } = given, pixels = inputOf(given, "pixel_values");
  const entries = new Map(
    [...weights].map((
      [name, { shape, data }],
    ) => [name, { dtype: data instanceof Float32Array ? "F32" : "I32", shape }]),
  );
  const sizes = parseClipConfig(config, join(given.folder, "case.json"));
  const model = await clipFrom(device, sizes, { entries, read: (name) => weights.get(name)! });
  const found = device.noGrad(() => {
    const images = model.encodeImage(device.tensor(Float32Array.from(pixels.data), pixels.shape));
    const texts = model.encodeText(idsOf(device, given, "input_ids"));
    return { image_embeds: images, text_embeds: texts, logits_per_image: model.similarities(images, texts) };
  });
  const data = await device.read(Object.values(found));
  return new Map(Object.entries(found).map(([name, { shape }], i) => [name, { shape, data: data[i]! }]));
}
