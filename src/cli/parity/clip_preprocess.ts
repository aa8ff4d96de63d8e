import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../error.ts";
import { ClipPreprocess } from "../../models/clip_preprocess.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { showShape } from "../../tensor/shape.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const configSchema = z.object({ image_size: z.int().min(1) });

/** `clip.preprocess`: levels `image` `[H, W, C]`, or `[H, W]` where it is grey, to `pixel_values` `[3, S, S]`. */
export async function runClipPreprocess(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const { image_size: size } = parseFields(join(given.folder, "case.json"), configSchema, given.config);
  const { data, shape } = inputOf(given, "image");
  const [height = 0, width = 0, channels = 1] = shape;
  if (shape.length < 2 || shape.length > 3 || (channels !== 1 && channels !== 3)) {
    throw new UserError(
      `Cannot run clip.preprocess: image is ${showShape(shape)}; wanted [H, W], [H, W, 1] or [H, W, 3]`,
    );
  }
  const area = height * width;
  // Channels first, from levels to [0, 1].
  const values = Float32Array.from(
    { length: data.length },
    (_, i) => data[i % area * channels + Math.floor(i / area)]! / 255,
  );
  const images = device.tensor(values, [1, channels, height, width]);
  const found = new ClipPreprocess(device, height, width, size).forward(images);
  return new Map([["pixel_values", { shape: [3, size, size], data: await found.data() }]]);
}
