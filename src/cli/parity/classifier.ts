import { join } from "node:path";
import { z } from "zod";
import { Classifier } from "../../models/classifier.ts";
import { Initializer } from "../../nn/init.ts";
import { loadParameters } from "../../nn/module.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { meanLoss } from "./mean_loss.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const configSchema = z.object({ num_classes: z.int().positive() });

/**
 * `classifier.forward`: the judge's `logits` of `images` `[B, 1, 8, 8]` and, with `labels`, the mean cross entropy
 * `loss` and its `grad.<weight>`.
 */
export async function runClassifier(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const config = parseFields(join(given.folder, "case.json"), configSchema, given.config);
  const images = inputOf(given, "images");
  const model = new Classifier(new Initializer(device, 0), config.num_classes);
  loadParameters(model, given.weights);
  const logits = model.logits(device.tensor(Float32Array.from(images.data), images.shape));
  return new Map([
    ["logits", { shape: logits.shape, data: await logits.data() }],
    ...await meanLoss(model, logits, given.inputs.get("labels")),
  ]);
}
